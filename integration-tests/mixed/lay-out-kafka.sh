#!/usr/bin/env bash
# usage: lay-out-kafka.sh DIR
#
# Puts the jars of Apache Kafka's broker below DIR/libs and its log settings into DIR/config, with Java and Maven (Debian: default-jre-headless maven).
# Exit status 3 and one line that says why: they cannot be had here.
set -euo pipefail
[ $# = 1 ] || { echo "usage: $0 DIR" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1/config"
tree=$(cd "$1" && pwd)
cp "$here/log4j.properties" "$tree/config/"
compgen -G "$tree/libs/kafka-tools-3*.jar" > /dev/null && exit 0
for program in java mvn; do
  command -v $program > /dev/null || { echo "there is no $program (Debian: default-jre-headless maven)"; exit 3; }
done
# Copied beside and then renamed: a tree is whole or not there.
rm -rf "$tree/libs.part"
mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$tree/libs.part" > "$tree/maven.log" 2>&1 ||
  { echo "Maven cannot fetch the jars: $(grep -m1 ERROR "$tree/maven.log" | cut -c1-300)"; exit 3; }
rm -rf "$tree/libs"  # of another version of this script
mv "$tree/libs.part" "$tree/libs"
