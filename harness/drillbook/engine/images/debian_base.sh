#!/bin/sh
# The last touch to the base in the folder $1: what the public Debian image does so that packages install as they should in an image.
set -eu
printf '#!/bin/sh\nexit 101\n' > "$1/usr/sbin/policy-rc.d" # no service starts while its package is installed
chmod 755 "$1/usr/sbin/policy-rc.d"
cat > "$1/etc/apt/apt.conf.d/90image" << 'CONF'
APT::Keep-Downloaded-Packages "false";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
CONF
rm -f "$1"/var/cache/apt/*.bin
