#!/usr/bin/env bash
# Teaches this checkout to diff and merge notebooks cell by cell (nbdime), to commit them without
# outputs (nbstripout), and to check each commit (pre-commit). Takes the folder of the programs.
set -euo pipefail
bin=$(cd "$1" && pwd)
git config diff.jupyternotebook.command "'$bin/git-nbdiffdriver' diff"
git config merge.jupyternotebook.driver "'$bin/git-nbmergedriver' merge %O %A %B %L %P"
git config merge.jupyternotebook.name "jupyter notebook merge driver"
git config filter.nbstripout.clean "'$bin/nbstripout'"
git config filter.nbstripout.smudge cat
git config filter.nbstripout.required true
if [ -f .pre-commit-config.yaml ]; then
  "$bin/pre-commit" install
fi
