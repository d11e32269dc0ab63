import Foundation
import Tensor
import Testing

/// A tensor of given bits.
private func tensor(_ patterns: [UInt16], _ format: StorageFormat) -> Tensor {
  var result = Tensor(uninitialized: Shape(patterns.count), format: format)
  result.withMutableBytes { bytes in patterns.withUnsafeBytes { bytes.copyMemory(from: $0) } }
  return result
}

private func patterns(_ tensor: Tensor) -> [UInt16] { tensor.withBytes { Array($0.bindMemory(to: UInt16.self)) } }

/// The number of a 16-bit pattern with this many exponent bits, by the definition of IEEE 754.
private func number(_ pattern: UInt16, exponentBits: Int) -> Double {
  let fractionBits = 15 - exponentBits, bias = (1 << (exponentBits - 1)) - 1
  let exponent = Int(pattern >> fractionBits) & ((1 << exponentBits) - 1)
  let fraction = Int(pattern) & ((1 << fractionBits) - 1)
  let sign = pattern >> 15 == 0 ? 1.0 : -1.0
  if exponent == (1 << exponentBits) - 1 { return fraction == 0 ? sign * .infinity : .nan }
  let significand = Double(fraction) / Double(1 << fractionBits) + (exponent == 0 ? 0 : 1)
  return sign * significand * pow(2, Double(max(exponent, 1) - bias))
}

@Suite struct FormatTests {
  @Test(arguments: [(StorageFormat.bfloat16, 8), (.float16, 5)])
  func everyPatternWidensAndNarrows(_ format: StorageFormat, _ exponentBits: Int) async {
    let all = (0...UInt16.max).map { $0 }
    let kept = tensor(all, format)
    let wide = kept.widened.scalars, back = patterns(kept.widened.kept(as: format))
    var wrong = 0
    for pattern in all {
      let (found, expected) = (wide[Int(pattern)], number(pattern, exponentBits: exponentBits))
      if expected.isNaN {
        let after = number(back[Int(pattern)], exponentBits: exponentBits)
        if !found.isNaN || !after.isNaN { wrong += 1 }
      } else if Double(found) != expected || (found.sign == .minus) != (pattern >> 15 == 1)
        || back[Int(pattern)] != pattern
      {
        wrong += 1
      }
    }
    #expect(wrong == 0)
  }

  @Test(arguments: [(StorageFormat.bfloat16, 8), (.float16, 5)])
  func narrowingRoundsToNearestEven(_ format: StorageFormat, _ exponentBits: Int) {
    // Between neighbours: the middle goes to the even one, anything else to the nearer one.
    let top: UInt16 = format == .bfloat16 ? 0x7f7f : 0x7bff
    var values: [Float] = [], expected: [UInt16] = []
    var pattern: UInt16 = 0
    while pattern < top {
      let (low, high) = (number(pattern, exponentBits: exponentBits), number(pattern + 1, exponentBits: exponentBits))
      let middle = Float((low + high) / 2)
      for (value, nearest) in [
        (middle, pattern & 1 == 0 ? pattern : pattern + 1), (middle.nextDown, pattern), (middle.nextUp, pattern + 1),
      ] where value.isNormal || format == .float16 {
        values += [value, -value]
        expected += [nearest, nearest | 0x8000]
      }
      pattern += 7
    }
    let found = patterns(Tensor(values).kept(as: format))
    let wrong = zip(found, expected).enumerated().filter { $1.0 != $1.1 }
    #expect(wrong.isEmpty, "\(wrong.count), first \(wrong.first.map { values[$0.offset] } ?? 0)")
    let infinity: UInt16 = format == .bfloat16 ? 0x7f80 : 0x7c00
    #expect(
      patterns(Tensor([.infinity, -.infinity, .greatestFiniteMagnitude]).kept(as: format)) == [
        infinity, infinity | 0x8000, infinity,
      ])
    #expect(patterns(Tensor([0, -0.0]).kept(as: format)) == [0, 0x8000])
    if format == .float16 {
      #expect(patterns(Tensor([65519, 65520, 1e-8, -1e-9]).kept(as: format)) == [0x7bff, 0x7c00, 0, 0x8000])
    }
  }

  @Test func sizesAndConversions() {
    let x = fineTensor([3, 5], seed: 1)
    #expect(x.byteCount == 60 && x.kept(as: .bfloat16).byteCount == 30 && x.kept(as: .float16).elementCount == 15)
    #expect(sameBits(x.kept(as: .float32), x) && sameBits(x.widened, x))
    let half = quickTensor([40], seed: 2)
    #expect(sameBits(half.kept(as: .bfloat16).widened, half) && sameBits(half.kept(as: .float16).widened, half))
    #expect(sameBits(half.kept(as: .bfloat16).kept(as: .float16), half.kept(as: .float16)))
    #expect(half.kept(as: .bfloat16).scalars == half.scalars)
  }
}

@Suite struct CopyTests {
  @Test func aCopyIsNotChangedByChangingTheOther() {
    let original = fineTensor([4, 6], seed: 1), before = original.scalars
    func check(_ change: (inout Tensor) -> Void) {
      var copy = original
      change(&copy)
      #expect(original.scalars == before)
      #expect(copy.scalars != before)
      // The one that owns its memory alone keeps it.
      let address = copy.withBytes { $0.baseAddress }
      change(&copy)
      #expect(copy.withBytes { $0.baseAddress } == address)
    }
    check { $0.withMutableScalars { $0[3] += 7 } }
    check {
      $0.withMutableBytes {
        $0[0] ^= 1; $0[9] &+= 1
      }
    }
    check { $0.accumulate(.ones([4, 6])) }
    check { $0.addRows(.ones([1, 6]), at: [2]) }
    let reshaped = original.reshaped(6, 4)
    var changed = reshaped
    changed.withMutableScalars { $0[0] = 99 }
    #expect(original.scalars == before && reshaped.scalars == before)
    var kept = original.kept(as: .bfloat16)
    let other = kept
    kept.withMutableScalars { $0[0] = 99 }
    #expect(kept.format == .float32 && kept.scalars[0] == 99 && other.format == .bfloat16 && other.scalars[0] != 99)
  }
}
