#!/usr/bin/env bash
# Run every notebook with the preinstalled packages of Colab's image; no version may change.
set -euo pipefail
before=$(mktemp) after=$(mktemp)
pip freeze | grep -v '^course.utils' >"$before"
jupyter execute --timeout=600 chapters/*.ipynb
pip freeze | grep -v '^course.utils' >"$after"
diff "$before" "$after" && echo "all notebooks ran; no version changed"
