/// The hash of the bytes at `start..<end`. With a seed that is secret no file can be written so that its keys collide.
@inlinable
package func seededHash(of bytes: [UInt8], _ start: Int, _ end: Int, seed: UInt64) -> UInt64 {
  var hash = seed ^ UInt64(truncatingIfNeeded: end - start)
  var word: UInt64 = 0
  for index in start..<end {
    word = word << 8 | UInt64(bytes[index])
    if (index - start) & 7 == 7 {
      hash = foldedProduct(hash ^ word, 0x9E37_79B9_7F4A_7C15)
      word = 0
    }
  }
  return foldedProduct(hash ^ word, 0xD6E8_FEB8_6659_FD93)
}

/// The two halves of a product, folded: a fast mixing step for hash tables.
@inlinable @inline(__always)
package func foldedProduct(_ a: UInt64, _ b: UInt64) -> UInt64 {
  let product = a.multipliedFullWidth(by: b)
  return product.high ^ product.low
}
