#!/bin/sh
# Tells nginx the name server of its network, which it does not find by itself, and starts it.
set -eu
awk '$1 == "nameserver" { print "resolver " ($2 ~ /:/ ? "[" $2 "]" : $2) " valid=5s ipv6=off;"; exit }' \
    /etc/resolv.conf >/tmp/resolver.conf
exec nginx -e stderr -c /etc/nginx/austausch.conf
