import Kernels
import Testing

@Suite struct ConversionTests {
  /// All 65536 patterns, widened: exactly the value that the format defines.
  @Test(arguments: [StorageFormat.bfloat16, .float16]) func widening(_ format: StorageFormat) {
    let x = (0...UInt16.max).map { $0 }
    for table in tables {
      var y = [Float](repeating: 7, count: x.count)
      table.widen(format, x, &y, x.count)
      let wrong = x.filter { ulps(y[Int($0)], Reference.widened(format, bits: UInt32($0))) != 0 }
      #expect(wrong.isEmpty, "\(table.name) \(format): \(wrong.count) patterns")
      #expect(y[0x8000].sign == .minus && y[0x8000] == 0)
      for count in awkwardLengths {
        var part = [Float](repeating: 7, count: count + 1)
        table.widen(format, x, &part, count)
        #expect(Array(part.prefix(count)) == Array(y.prefix(count)) && part[count] == 7)
      }
    }
  }

  /// Every 1021st Float32, the neighbourhood of every tie, and the specials, against rounding in Double.
  @Test(arguments: [StorageFormat.bfloat16, .float16]) func narrowing(_ format: StorageFormat) {
    var x = stride(from: UInt64(0), to: 1 << 32, by: 1021).map { Float(bitPattern: UInt32($0)) } + specials
    for bits in UInt32(0)..<0x7fff {
      // Half-way to the next value, and the Float32 on either side of it.
      let (low, high) = (Reference.widened(format, bits: bits), Reference.widened(format, bits: bits + 1))
      guard high.isFinite else { break }
      let tie = Float((low + high) / 2)
      x += [tie, tie.nextUp, tie.nextDown, -tie]
    }
    for table in tables {
      var y = [UInt16](repeating: 7, count: x.count + 1)
      table.narrow(format, x, &y, x.count)
      #expect(y.removeLast() == 7, "wrote past the end")
      var wrong = 0
      for (x, y) in zip(x, y) {
        let expected = Reference.narrowed(format, x)
        let same = x.isNaN ? Reference.widened(format, bits: UInt32(y)).isNaN : UInt32(y) == expected
        // A quiet NaN has the first bit of its fraction set.
        let quiet = !x.isNaN || y & (format == .bfloat16 ? 0x40 : 0x200) != 0
        if !same || !quiet { wrong += 1 }
      }
      #expect(wrong == 0, "\(table.name) \(format): \(wrong) of \(x.count)")
      for count in awkwardLengths {
        var part = [UInt16](repeating: 7, count: count + 1)
        table.narrow(format, x, &part, count)
        #expect(Array(part.prefix(count)) == Array(y.prefix(count)) && part[count] == 7)
      }
    }
  }

  @Test func float32IsCopied() {
    for table in tables {
      var (y, z) = ([Float](repeating: 7, count: specials.count), [Float](repeating: 7, count: specials.count))
      table.widen(.float32, specials, &y, specials.count)
      table.narrow(.float32, specials, &z, specials.count)
      #expect(y.map(\.bitPattern) == specials.map(\.bitPattern))
      #expect(z.map(\.bitPattern) == specials.map(\.bitPattern))
    }
  }

  @Test func processorFeatures() {
    let flags = "fpu sse2 avx2 fma f16c avx512f avx512bw avx512cd avx512dq avx512vl amx_tile amx_bf16"
    func features(without missing: String) -> ProcessorFeatures {
      ProcessorFeatures(flags: flags.split(separator: " ").filter { $0 != missing }.joined(separator: " "))
    }
    #expect(ProcessorFeatures(flags: flags) == ProcessorFeatures(hasAVX2: true, hasAVX512: true, hasAMX: true))
    for missing in ["avx2", "fma", "f16c"] {
      #expect(features(without: missing) == ProcessorFeatures(hasAVX2: false, hasAVX512: false, hasAMX: false))
    }
    for missing in ["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"] {
      #expect(features(without: missing) == ProcessorFeatures(hasAVX2: true, hasAVX512: false, hasAMX: false))
    }
    for missing in ["amx_tile", "amx_bf16"] {
      #expect(features(without: missing) == ProcessorFeatures(hasAVX2: true, hasAVX512: true, hasAMX: false))
    }
    #expect(ProcessorFeatures(flags: "") == ProcessorFeatures(hasAVX2: false, hasAVX512: false, hasAMX: false))
    print("tables of this processor: \(tables.map(\.name))")
    #expect(tables.map(\.vectorWidth) == [4, 8, 16, 16].prefix(tables.count).map { $0 })
  }
}
