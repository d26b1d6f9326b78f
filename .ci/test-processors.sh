#!/usr/bin/env bash
# The numerical suites under the kernels of other processors and one and two threads: an optimiser
# that stops on rounding, or a sum whose order matters, shows here. Names kernels this one lacks.
#   .ci/test-processors.sh BIN [pytest arguments]
set -u
bin=$1; shift
suites="tests/survival tests/value tests/churn tests/abtest tests/uplift"
flags=$(grep -m1 -i '^flags' /proc/cpuinfo 2>/dev/null || sysctl -n machdep.cpu.leaf7_features 2>/dev/null)
failed=0
for kernel in Haswell:avx2 Zen:avx2 SkylakeX:avx512f; do
	name=${kernel%%:*}
	if ! grep -qiw "${kernel##*:}" <<<"$flags"; then
		echo "$name: left out, this processor lacks ${kernel##*:}"
		continue
	fi
	for threads in 1 2; do
		echo "$name, threads: $threads"
		OPENBLAS_CORETYPE=$name OPENBLAS_NUM_THREADS=$threads OMP_NUM_THREADS=$threads \
			"$bin/pytest" -q -m "not realdata" "$@" $suites || failed=1
	done
done
exit $failed
