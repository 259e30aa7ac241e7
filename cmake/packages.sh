# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Sourced by test.sh and demo.sh: what they need, and how it is installed where apt-get is.
#
#   need PACKAGE PROBE...    it does not go without; present if the command PROBE succeeds
#   want PACKAGE PROBE...    without it something is left out, and the output says what
#   install_missing          installs both kinds, or says what is missing; fails if a needed one still is
#   fetch_kernel FOLDER      a Linux kernel for guests, unpacked there and not installed, unless /boot has one

needed=''
wanted=''

need() {
    package=$1
    shift
    "$@" >/dev/null 2>&1 || needed="$needed $package"
}

want() {
    package=$1
    shift
    "$@" >/dev/null 2>&1 || wanted="$wanted $package"
}

# Probes.
has() { command -v "$1"; }
has_header() { echo "#include <$1>" | g++ -std=c++20 -fsyntax-only -x c++ -; }
has_fuzzer() {
    probe=$(mktemp -d) || return 1
    echo 'extern "C" int LLVMFuzzerTestOneInput(const char*, unsigned long) { return 0; }' >"$probe/fuzzer.cpp"
    clang++ -fsanitize=fuzzer,address,undefined "$probe/fuzzer.cpp" -o "$probe/fuzzer"
    status=$?
    rm -rf "$probe"
    return $status
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# list_needs is the caller's: its need and want lines. Called again after an installation.
install_missing() {
    list_needs
    if [ -z "$needed$wanted" ]; then
        echo '== Everything needed is here; nothing will be installed'
        return 0
    fi
    if ! has apt-get >/dev/null; then
        echo "== No apt-get here. Missing, by Debian's package names:$needed$wanted"
    elif [ "$(id -u)" -ne 0 ] && ! has sudo >/dev/null; then
        echo "== Neither root nor sudo. As root: apt-get install --no-install-recommends$needed$wanted"
    else
        apt_install $needed $wanted || echo '== apt-get failed'
    fi
    needed='' wanted=''
    list_needs
    [ -z "$wanted" ] || echo "== Left out, for lack of:$wanted"
    [ -z "$needed" ] || echo "== Cannot go on without:$needed"
    [ -z "$needed" ]
}

apt_install() {
    echo "== Missing: $*"
    as_root apt-get -q update || echo '== apt-get update failed; trying with the lists that are here'
    # One name that apt does not know would keep all the others out.
    known=''
    for package in "$@"; do
        if apt-cache show "$package" >/dev/null 2>&1; then
            known="$known $package"
        else
            echo "== There is no package $package here"
        fi
    done
    # shellcheck disable=SC2086
    set -- $known
    [ $# -gt 0 ] || return 1
    echo '== What will be installed, and how large it is:'
    # It answers no: nothing is installed yet.
    as_root env LC_ALL=C apt-get install --no-install-recommends --assume-no "$@" |
        sed -n '/^The following NEW/,/^[0-9]* upgraded/p; /^Need to get/p; /^After this/p; /^E:/p'
    echo '== Installing'
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends "$@"
}

# Who boots it has no use for what its package would set up here: an initrd, a boot loader's entry.
fetch_kernel() {
    for image in "$1"/boot/vmlinuz-* /boot/vmlinuz-*; do
        [ ! -r "$image" ] || return 0
    done
    if ! has apt-get >/dev/null || ! has dpkg-deb >/dev/null; then
        echo '== No kernel may be read in /boot, and no apt-get is here to fetch one'
        return 1
    fi
    loaded=$(mktemp -d) || return 1
    for try in first second; do
        # This package is empty, and depends on that of the present version.
        package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-.*\)/\1/p')
        if [ -n "$package" ]; then
            apt-cache show --no-all-versions "$package" |
                sed -n "s/^Size: \(.*\)......$/== Fetching $package, \1 MB: unpacked in build, not installed/p"
            (cd "$loaded" && apt-get -qq download "$package" 2>/dev/null) && break
        fi
        [ $try = first ] || break
        as_root apt-get -q update
    done
    mkdir -p "$1"
    for archive in "$loaded"/*.deb; do
        dpkg-deb --fsys-tarfile "$archive" | tar -x -C "$1" --wildcards './boot/vmlinuz-*' './lib/modules/*/drivers/uio/*' \
            './lib/modules/*/drivers/vfio/*' './lib/modules/*/irqbypass.ko*'
    done
    rm -rf "$loaded"
    [ -r "$(echo "$1"/boot/vmlinuz-*)" ]
}
