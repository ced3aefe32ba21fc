-- State format 2 and schema format 1, by a 32-bit program. README.md.

return require "spec.data.v1_exact.write"
