import Kernels

#if arch(x86_64)
  import KernelsAVX2
  import KernelsAVX512
#endif
#if arch(x86_64) && os(Linux)
  import KernelsAMX
#endif

/// Every table that this processor runs.
let tables: [KernelTable] = {
  var tables = [KernelTable.baseline]
  #if arch(x86_64)
    if ProcessorFeatures.current.hasAVX2 { tables.append(avx2Kernels) }
    if ProcessorFeatures.current.hasAVX512 { tables.append(avx512Kernels) }
  #endif
  #if arch(x86_64) && os(Linux)
    if ProcessorFeatures.current.hasAMX { tables.append(avx512Kernels.multiplyingInTiles(amxTiles, name: "amx")) }
  #endif
  return tables
}()
