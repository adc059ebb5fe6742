#!/bin/sh
# guest.sh MICROSECONDS PROGRAM [ARG]...
# Inside the guest: what udev loads at boot on a real machine (the ciphers
# that use the processor's instructions), then what run.sh asks for.
for module in aesni_intel ghash_clmulni_intel chacha_x86_64 poly1305_x86_64; do
    modprobe "$module" 2>/dev/null
done
usleep "$1"
shift
exec "$@"
