# Sourced by cluster-start.sh and cluster-stop.sh: where the servers of the local cluster are, and which of them run.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154

cluster_directory_default() {
  if [ -n "${QUOKKA_CLUSTER_DIR:-}" ]; then
    echo "$QUOKKA_CLUSTER_DIR"
  elif [ -e "$base/Makefile" ] && [ -w "$base" ]; then
    echo "$base/cluster"
  else
    echo "$HOME/quokka-cluster"
  fi
}

# Prints the process id of a server of the cluster if it runs. A number left by a server that is gone may belong to another program by now.
running_pid() {  # its directory
  local pid
  [ -r "$1/pid" ] || return 1
  pid=$(cat "$1/pid")
  [ -n "$pid" ] && tr '\0' ' ' 2> /dev/null < "/proc/$pid/cmdline" | grep -qF "$1/" || return 1
  echo "$pid"
}

property() {  # file, key
  sed -n "s/^${2//./\\.}=//p" "$1" | tail -1
}
