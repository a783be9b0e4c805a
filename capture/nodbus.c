/* SPDX-License-Identifier: MIT */
/*
 * The static libpcap.a of distributions contains a capture device for D-Bus
 * messages (pcap-dbus.c) and so refers to libdbus, which has no static archive
 * everywhere and would bring libsystemd along. The recorder uses libpcap only to
 * compile filters (pcap_open_dead(3PCAP), pcap_compile(3PCAP)) and never opens a
 * device, so these are never called; they exist for the linker. Each says "no":
 * no connection, no message, no error set, and nothing to release.
 */
#include <stddef.h>

#define NEVER(type, name, ...)                                                                     \
	type name(__VA_ARGS__);                                                                    \
	type name(__VA_ARGS__)                                                                     \
	{                                                                                          \
		return (type)0;                                                                    \
	}
#define NEVER_VOID(name, ...)                                                                      \
	void name(__VA_ARGS__);                                                                    \
	void name(__VA_ARGS__)                                                                     \
	{                                                                                          \
	}

/* without parameters: no argument is looked at, which every calling convention of Linux allows */
NEVER(void *, dbus_bus_get, void)
NEVER_VOID(dbus_bus_add_match, void)
NEVER(unsigned int, dbus_bus_register, void)
NEVER_VOID(dbus_connection_flush, void)
NEVER(void *, dbus_connection_open, void)
NEVER(void *, dbus_connection_pop_message, void)
NEVER(unsigned int, dbus_connection_read_write, void)
NEVER(unsigned int, dbus_connection_send, void)
NEVER_VOID(dbus_connection_set_max_received_size, void)
NEVER_VOID(dbus_connection_unref, void)
NEVER_VOID(dbus_error_free, void)
NEVER(unsigned int, dbus_error_is_set, void)
NEVER_VOID(dbus_free, void)
NEVER(void *, dbus_message_demarshal, void)
NEVER(unsigned int, dbus_message_is_signal, void)
NEVER(unsigned int, dbus_message_marshal, void)
NEVER_VOID(dbus_message_unref, void)
