# Debian in a directory, for the scripts beside this one. For root, on Debian,
# with debootstrap and ip (iproute2).
#
#     . xt/chroot.sh
#     root=$(fresh_chroot trixie)       # a minimal system, removed at the end
#     root=$(fresh_chroot trixie/i386)  # of another architecture that runs here
#     install_in "$root" gcc make       # packages, from the network
#     offline_in "$root" 'make test'    # a line of shell, run in /build
#
# Nothing stays mounted and no process is left over: each command has
# namespaces of its own, and an end: after CHROOT_MINUTES (30) it has failed.
# What is downloaded is tried twice. With KEEP_CHROOTS=DIRECTORY the minimal
# systems are kept there, packed, and the next run starts at once.

scratch=$(mktemp -d "${TMPDIR:-/tmp}/fdpasser-chroot-XXXXXX")
trap 'rm -rf "$scratch"' EXIT

mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
base_systems=${KEEP_CHROOTS:-$scratch/base_systems}

fresh_chroot() {
    local system=$1 name=${1/\//-} root
    local base=$base_systems/$name.tar
    [ -e "$base" ] || bootstrap "$system" "$base" >&2
    root=$(mktemp -d "$scratch/$name-XXXXXX")
    tar -C "$root" -xf "$base"
    chmod 755 "$root"
    mkdir "$root/build"
    echo "$root"
}

bootstrap() {
    local release=${1%/*} arch=${1#*/} archive=$2 root=$scratch/bootstrap
    [ "$arch" != "$1" ] || arch=$(dpkg --print-architecture)
    mkdir -p "$(dirname "$archive")" "$root"
    twice debootstrap --variant=minbase --arch="$arch" "$release" "$root" "$mirror"
    # Nobody reads manuals there, and nothing has to outlive a power failure.
    printf '%s\n' 'path-exclude=/usr/share/doc/*' 'path-exclude=/usr/share/man/*' \
        force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/quick"
    # A mirror that lags is good enough.
    printf '%s\n' 'Acquire::Check-Valid-Until "false";' 'Acquire::Retries "1";' \
        >"$root/etc/apt/apt.conf.d/slow-mirror"
    tar -C "$root" -cf "$archive.new" .
    mv "$archive.new" "$archive"
    rm -rf "$root"
}

twice() {
    "$@" || "$@"
}

install_in() {
    local root=$1
    shift
    twice online_in "$root" "apt-get update -q && apt-get install -qy --no-install-recommends $*"
}

online_in() {
    inside "$1" "$2"
}

offline_in() {
    inside "$1" "$2" --net
}

inside() {
    local root=$1 line=$2
    shift 2
    timeout --verbose --kill-after=10 "${CHROOT_MINUTES:-30}m" \
        unshare --mount --pid --fork --kill-child "$@" sh -euc '
        ip link set lo up
        mount -t proc proc "$1/proc"
        mount --rbind /dev "$1/dev"
        cp /etc/resolv.conf "$1/etc/resolv.conf"
        exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
            DEBIAN_FRONTEND=noninteractive \
            FDPASSER_PATIENCE="${FDPASSER_PATIENCE-}" chroot "$1" /bin/sh -euc "cd /build; $2"
    ' inside "$root" "$line" </dev/null
}
