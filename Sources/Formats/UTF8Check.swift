/// The offset of the first byte that begins no well-formed UTF-8 sequence (Unicode 15, table 3-7: no overlong forms, no
/// surrogates, nothing above U+10FFFF); nil when all of it is UTF-8.
package func firstInvalidUTF8(_ bytes: [UInt8]) -> Int? {
  var index = 0
  while index < bytes.count {
    let lead = bytes[index]
    if lead < 0x80 {
      index = endOfASCII(bytes, index + 1)
      continue
    }
    // The second byte carries the limits; the following ones are plain continuations.
    let length: Int
    let second: ClosedRange<UInt8>
    switch lead {
    case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
    case 0xE0: (length, second) = (3, 0xA0...0xBF)
    case 0xE1...0xEC, 0xEE...0xEF: (length, second) = (3, 0x80...0xBF)
    case 0xED: (length, second) = (3, 0x80...0x9F)
    case 0xF0: (length, second) = (4, 0x90...0xBF)
    case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
    case 0xF4: (length, second) = (4, 0x80...0x8F)
    default: return index
    }
    guard bytes.count - index >= length, second.contains(bytes[index + 1]) else { return index }
    for offset in 2..<max(length, 2) where bytes[index + offset] & 0xC0 != 0x80 { return index }
    index += length
  }
  return nil
}

/// Where a run of ASCII ends that goes through `start`, or less than 32 bytes before.
private func endOfASCII(_ bytes: [UInt8], _ start: Int) -> Int {
  bytes.withUnsafeBytes { bytes in
    var index = start
    while bytes.count - index >= 32 {
      let words = (
        bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self),
        bytes.loadUnaligned(fromByteOffset: index + 8, as: UInt64.self),
        bytes.loadUnaligned(fromByteOffset: index + 16, as: UInt64.self),
        bytes.loadUnaligned(fromByteOffset: index + 24, as: UInt64.self)
      )
      if (words.0 | words.1 | words.2 | words.3) & 0x8080_8080_8080_8080 != 0 { break }
      index += 32
    }
    return index
  }
}
