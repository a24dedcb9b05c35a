/* Constants of the headers below TCP: BTF carries no macros. */
#pragma once

#define ETH_P_IP     0x0800
#define ETH_P_IPV6   0x86dd
#define ETH_P_8021Q  0x8100
#define ETH_P_8021AD 0x88a8

#define IPPROTO_HOPOPTS	 0
#define IPPROTO_ROUTING	 43
#define IPPROTO_FRAGMENT 44
#define IPPROTO_DSTOPTS	 60

#define IPV6_HEADER	   40	  /* bytes */
#define IP_OFFSET_AND_MORE 0x3fff /* of frag_off: a fragment has an offset, or the flag for more fragments */
