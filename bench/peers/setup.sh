#!/bin/sh
# setup.sh DIRECTORY PACKAGE VERSION: have node and this package of its registry ready in DIRECTORY. Quiet when
# they are. The last line printed says why it could not be done.
set -eu
directory=$1
package=$2
version=$3

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get install -y --no-install-recommends nodejs npm >/dev/null
    else
        echo "node and npm are not installed"
        exit 1
    fi
fi

if ! grep -qs "\"version\": \"$version\"" "$directory/node_modules/$package/package.json"; then
    mkdir -p "$directory"
    npm install --prefix "$directory" --no-audit --no-fund "$package@$version" >/dev/null 2>&1 || {
        echo "npm could not install $package@$version"
        exit 1
    }
fi
