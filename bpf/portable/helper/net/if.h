#pragma once
#define IF_NAMESIZE 16
