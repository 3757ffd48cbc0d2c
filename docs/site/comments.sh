#!/bin/sh
# Prints a public header as Doxygen wants it: without attributes, with \<s\> for
# tokens that look like HTML, with /** … */ and /**< … */ for the comments of C, which
# are ordinary ones in sharcs.h, and with a mark that makes the file a page. Lines keep their numbers.
#
#     sh docs/site/comments.sh FILE
set -eu
case $1 in
  *.h) sed -e 's|^\( *\)/\* |\1/** |' -e 's|^\(.*[;,{0-9A-Za-z] *\)/\* \(.*\)$|\1/**< \2|' -e 's|/\*\** NOLINT|/* NOLINT|' "$1" ;;
  *) sed -e 's/ \[\[gnu::visibility([^)]*)\]\]//' -e '/\/\/\//s/<\(\/\{0,1\}\)\(s\|unk\|pad\|mask\)>/\\<\1\2\\>/g' "$1" ;;
esac
echo "/** @file */"
