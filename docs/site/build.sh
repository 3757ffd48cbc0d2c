#!/bin/sh
# Builds the site of docs/ into build/site/html: open index.html there, from the folder or through a server.
#
#     sh docs/site/build.sh [SHARCS]
#
# SHARCS: the program, whose --help becomes the page of commands; without it, build/release/sharcs. Broken links, pages that
# the navigation lacks and public functions without a comment are errors. The first run installs Doxygen, and mkdocs-material
# into build/site/venv.
set -eu
cd "$(dirname "$0")/../.."
sharcs=${1:-build/release/sharcs} site=build/site
[ -x "$sharcs" ] || { echo "$0: there is no program $sharcs; build it: cmake --build --preset release --target sharcs_cli" >&2; exit 1; }

sh cmake/dependencies.sh doxygen python3-venv
mkdir -p "$site"
if ! cmp -s docs/site/requirements.txt "$site/venv/requirements.txt"; then
  rm -rf "$site/venv"
  python3 -m venv "$site/venv"
  "$site/venv/bin/pip" install --quiet --disable-pip-version-check -r docs/site/requirements.txt
  cp docs/site/requirements.txt "$site/venv/requirements.txt"
fi

rm -rf "$site/pages" "$site/html"
mkdir -p "$site/pages/api"
{ cat docs/site/Doxyfile; printf 'OUTPUT_DIRECTORY = %s\nHTML_OUTPUT = api\nWARN_LOGFILE = %s\n' "$site/pages" "$site/api.log"; } | doxygen -
sed -i 's|<div id="projectbrief">\(.*\)</div>|<div id="projectbrief">\1. <a href="../headers.html">Back to the site</a></div>|' "$site"/pages/api/*.html
# Members and getters whose names say what they are may stand without a comment; everything else that is said is an error.
if grep -vE '(\((variable|enumeration|enumvalue|friend|typedef|macro definition)\)|Compound|(operator==|to_string)\(.* \(function\)|\(\) const \(function\)|\) noexcept \(function\)).* is not documented' "$site/api.log"; then
  exit 1
fi
python3 docs/site/pages.py . "$sharcs" "$site/pages"
# Not --quiet: that would hide warnings from --strict, too.
NO_MKDOCS_2_WARNING=1 "$site/venv/bin/mkdocs" build --strict --config-file docs/site/mkdocs.yml >"$site/mkdocs.log" 2>&1 ||
  { grep -v '^INFO' "$site/mkdocs.log" >&2; exit 1; }
rm "$site/html/404.html"  # its links begin at the root of a server
python3 docs/site/check_links.py "$site/html"
echo "the site is in $site/html"
