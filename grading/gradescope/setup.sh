#!/usr/bin/env bash
# Gradescope runs this once, as root, when it builds the image of the assignment.
set -euo pipefail
root="${AUTOGRADER_ROOT:-/autograder}"
source="$root/source"
export DEBIAN_FRONTEND=noninteractive

newest() {
  for version in 3.14 3.13 3.12 3.11; do
    if command -v "python$version" >/dev/null; then
      echo "python$version"
      return
    fi
  done
}

apt-get update -qq
# Where the host allows it, notebooks run behind a stronger wall than another user's.
apt-get install -y -qq --no-install-recommends bubblewrap || echo "no bubblewrap: going on without"
if [ -z "$(newest)" ]; then
  apt-get install -y -qq --no-install-recommends python3.11 python3.11-venv
fi
# Debian and Ubuntu pack `venv` apart from Python.
"$(newest)" -c 'import ensurepip' || apt-get install -y -qq --no-install-recommends "$(newest)-venv"

# The user that runs a notebook reads these packages; it does not read the grader.
umask 022
"$(newest)" -m venv "$root/python"
"$root/python/bin/python" -m pip install --quiet --no-cache-dir \
  -r "$source/requirements.txt" -c "$source/constraints.txt"
chmod 700 "$source"
