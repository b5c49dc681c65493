#!/usr/bin/env bash
# sbatch slurm.sh SCENARIO [arguments of fedprune run]: a run on a Ray cluster of this job's nodes.
#SBATCH --job-name=fedprune
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --exclusive
#SBATCH --time=04:00:00
#SBATCH --signal=B:TERM@120
set -euo pipefail

head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
port=${RAY_PORT:-6379}
on() { srun --nodes="$1" --ntasks="$1" --overlap "${@:2}"; }

# Every node that is no driver's stays up until the job's end.
on 1 --nodelist="$head" ray start --head --port="$port" --num-cpus="$SLURM_CPUS_PER_TASK" --block &
for second in $(seq 60); do
    ray status --address="$head:$port" >/dev/null 2>&1 && break
    sleep 1
done
if ((SLURM_JOB_NUM_NODES > 1)); then
    on $((SLURM_JOB_NUM_NODES - 1)) --exclude="$head" \
        ray start --address="$head:$port" --num-cpus="$SLURM_CPUS_PER_TASK" --block &
fi

# The driver is on this node, which is the head. Before the time is up it is told to stop, at its last whole round:
# the same script goes on with the run.
trap 'kill -TERM "$driver"; wait "$driver" || true' TERM
RAY_ADDRESS="$head:$port" fedprune run "$@" --engine ray --set engine.address=auto &
driver=$!
wait "$driver"
