#!/bin/sh
# setup.sh DIRECTORY: have node and Zvec's package ready in DIRECTORY. Quiet when they are. The last
# line printed says why it could not be done.
set -eu
directory=$1
version=0.7.0

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get install -y --no-install-recommends nodejs npm >/dev/null
    else
        echo "node and npm are not installed"
        exit 1
    fi
fi

if ! grep -qs "\"version\": \"$version\"" "$directory/node_modules/@zvec/zvec/package.json"; then
    mkdir -p "$directory"
    npm install --prefix "$directory" --no-audit --no-fund "@zvec/zvec@$version" >/dev/null 2>&1 || {
        echo "npm could not install @zvec/zvec@$version"
        exit 1
    }
fi
