#!/usr/bin/env python3
"""usage: fuzz-seeds.py FOLDER

Writes the seeds of protocol/messages/messages_fuzz into FOLDER: every vector of Kafka's serializer, behind the two bytes that pick the message and
its version.
"""

import os
import re
import sys

MESSAGES = "protocol/messages"


def main():
    folder = sys.argv[1]
    with open(f"{MESSAGES}/every_message.h", encoding="utf-8") as header:
        order = re.findall(r"^  X\((\w+)\)", header.read(), re.MULTILINE) + ["RequestHeader", "ResponseHeader"]
    os.makedirs(folder, exist_ok=True)
    first_version = {}
    with open(f"{MESSAGES}/testdata/message_vectors.tsv", encoding="ascii") as vectors:
        for line in vectors:
            columns = line.rstrip("\n").split("\t")
            if line.startswith("#") or columns[0] == "message":
                continue
            message, version, variant, body = columns[0], int(columns[1]), columns[2], columns[3]
            offset = version - first_version.setdefault(message, version)
            with open(os.path.join(folder, f"{message}-{version}-{variant}"), "wb") as seed:
                seed.write(bytes([order.index(message), offset]) + bytes.fromhex(body))


main()
