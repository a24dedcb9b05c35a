#pragma once
#include "vmlinux.h"
