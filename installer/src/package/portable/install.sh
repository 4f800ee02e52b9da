#!/bin/sh
# Makes Vitrine known to one user, without administrator rights: the command vitrine in ~/.local/bin, an entry in the desktop's menu, and
# the types of files that it opens. The folder stays where it is. `install.sh --remove` takes all of that back.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
data=${XDG_DATA_HOME:-$HOME/.local/share}
bin=$HOME/.local/bin

refresh() {
  command -v update-mime-database >/dev/null 2>&1 && update-mime-database "$data/mime" || true
  command -v update-desktop-database >/dev/null 2>&1 && update-desktop-database "$data/applications" || true
}

if [ "${1-}" = "--remove" ]; then
  rm -f "$bin/vitrine" "$data/applications/vitrine.desktop" "$data/mime/packages/vitrine.xml"
  refresh
  echo "Vitrine is no longer in your menu and on your PATH. Delete $here to remove it whole."
  exit 0
fi

mkdir -p "$bin" "$data/applications" "$data/mime/packages"
ln -sf "$here/lib/app/bin/vitrine" "$bin/vitrine"
sed "s|@HERE@|$here|g" "$here/vitrine.desktop.in" > "$data/applications/vitrine.desktop"
cp "$here/vitrine-mime.xml" "$data/mime/packages/vitrine.xml"
refresh
echo "The command vitrine is in $bin."
case ":$PATH:" in *":$bin:"*) ;; *) echo "That folder is not on your PATH yet." ;; esac
