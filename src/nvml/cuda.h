/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Compute on each GPU through CUDA's driver interface: a piece of its memory is filled by the GPU
 * and read back. Catches what NVML does not need: /dev/nvidia-uvm, memory management, KASLR and HMM
 * troubles. 0: a line about it is on standard output; 1: the reason is its only line; 3: there is
 * no library.
 */
int cuda_try(const char *root);
