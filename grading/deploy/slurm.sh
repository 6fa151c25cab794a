#!/usr/bin/env bash
#SBATCH --job-name=grading
#SBATCH --array=1-8
#SBATCH --cpus-per-task=8
#SBATCH --mem=20G
#SBATCH --time=04:00:00
#SBATCH --output=grading-%A_%a.log
#
# Grades an assignment in an array of jobs, each of which takes its part of the students:
#
#   sbatch grading/deploy/slurm.sh optimizers submissions.zip --roster gradebook.csv
#
# Submit it from the repository, which all nodes must see. The last job to end writes the grades of
# all. Nodes need bubblewrap, and user namespaces.
set -euo pipefail
export OMP_NUM_THREADS=1
exec "${PYTHON:-.venv/bin/python}" -m grading grade "$@" --jobs "${SLURM_CPUS_PER_TASK:-1}"
