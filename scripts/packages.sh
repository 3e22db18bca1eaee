# Sourced by quickstart.sh and check.sh: which Debian packages are needed, and how they are installed.
# shellcheck shell=bash

# Set by the caller for messages.
: "${PROGRAM:=$(basename "$0")}"

fail() {
  echo "$PROGRAM: $*" >&2
  exit 1
}

debian_release() {
  local id="" version=""
  if [ -r /etc/os-release ]; then
    # shellcheck disable=SC1091
    id=$(. /etc/os-release && echo "${ID:-}")
    # shellcheck disable=SC1091
    version=$(. /etc/os-release && echo "${VERSION_ID:-}")
  fi
  case "$id:$version" in
    debian:12 | debian:13) echo "$version" ;;
    *) fail "this script installs packages on Debian 12 and 13 only (this is '${id:-unknown} ${version}'). Install the libraries named in scripts/packages.sh yourself and run 'make'." ;;
  esac
}

# Boost 1.81 or newer: Debian 12's default, 1.74, lacks what is needed.
boost_packages() {
  if [ "$1" = 12 ]; then
    echo libboost1.81-dev libboost-program-options1.81-dev libboost-json1.81-dev
  else
    echo libboost-dev libboost-program-options-dev libboost-json-dev
  fi
}

build_packages() {
  # shellcheck disable=SC2046
  echo g++ make pkg-config $(boost_packages "$1") libzookeeper-mt-dev libisal-dev zlib1g-dev libsnappy-dev liblz4-dev libzstd-dev \
    libspdlog-dev libfmt-dev prometheus-cpp-dev libssl-dev
}

# What runs a ZooKeeper server and a first client.
run_packages() { echo zookeeper default-jre-headless kcat procps; }

test_packages() {
  local clang="clang"
  [ "$1" = 12 ] && clang="clang-14 libclang-rt-14-dev"
  [ "$1" = 13 ] && clang="clang libclang-rt-19-dev"
  echo libgtest-dev libgmock-dev librdkafka-dev libbenchmark-dev "$clang" python3-minimal git
}

missing_packages() {
  local package
  for package in "$@"; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || echo "$package"
  done
}

# Installs those of the named packages that are missing, as root or with sudo. Nothing that is installed is replaced or removed.
install_packages() {
  local missing as_root=() plan removed
  mapfile -t missing < <(missing_packages "$@")
  [ "${#missing[@]}" -eq 0 ] && return
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo > /dev/null || fail "these packages are missing, and there is no sudo to install them; as root: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  echo "$PROGRAM: installing ${#missing[@]} Debian packages: ${missing[*]}"
  "${as_root[@]}" apt-get update -q > /dev/null || fail "apt-get update failed: is there a network?"
  plan=$(apt-get install --simulate --no-install-recommends "${missing[@]}" 2>&1) || {
    echo "$plan" >&2
    fail "these packages cannot be installed together with what is there"
  }
  removed=$(sed -n 's/^Remv \([^ ]*\).*/\1/p' <<< "$plan" | tr '\n' ' ')
  if [ -n "$removed" ]; then
    fail "installing ${missing[*]} would remove these packages of yours: ${removed}
If you can do without them (Debian 12 has Boost 1.74 or 1.81 for development, not both), remove them and run this again:
  ${as_root[*]} apt-get remove ${removed}"
  fi
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}" > /dev/null ||
    fail "installing packages failed"
}
