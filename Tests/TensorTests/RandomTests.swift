import Foundation
import Tensor
import Testing

/// Philox 4x32-10 as its paper has it, with the whole counter.
private func philox(_ counter: SIMD4<UInt32>, _ key: SIMD2<UInt32>) -> SIMD4<UInt32> {
  var (x, k) = (counter, key)
  for _ in 0..<10 {
    let a = UInt64(0xd251_1f53) * UInt64(x[0]), b = UInt64(0xcd9e_8d57) * UInt64(x[2])
    x = SIMD4(
      UInt32(b >> 32) ^ x[1] ^ k[0], UInt32(b & 0xffff_ffff), UInt32(a >> 32) ^ x[3] ^ k[1], UInt32(a & 0xffff_ffff))
    k = SIMD2(k[0] &+ 0x9e37_79b9, k[1] &+ 0xbb67_ae85)
  }
  return x
}

@Suite struct RandomTests {
  /// The known answers that the authors publish with their library; they prove the function above, which proves ours.
  @Test func knownAnswers() {
    let ones = SIMD4<UInt32>(repeating: .max)
    #expect(philox(SIMD4(), SIMD2()) == SIMD4(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
    #expect(philox(ones, SIMD2(repeating: .max)) == SIMD4(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
    let digits = philox(
      SIMD4(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344), SIMD2(0xa409_3822, 0x299f_31d0))
    #expect(digits == SIMD4(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
    var random = Random(seed: 0)
    random.key = 0
    #expect(random.bits(0) == SIMD4(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
    var numbers = QuickNumbers(1)
    for _ in 0..<1000 {
      random.key = numbers.next() << 32 ^ numbers.next()
      let counter = numbers.next() << 33 ^ numbers.next()
      let words = SIMD4(UInt32(counter & 0xffff_ffff), UInt32(counter >> 32), 0, 0)
      let key = SIMD2(UInt32(random.key & 0xffff_ffff), UInt32(random.key >> 32))
      #expect(random.bits(counter) == philox(words, key))
    }
  }

  @Test func uniformNumbersAreEven() {
    let random = Random(seed: 7), n = 100_000
    var (sum, squares, lag) = (0.0, 0.0, 0.0)
    var buckets = [Int](repeating: 0, count: 16)
    var previous = 0.5
    for i in 0..<n {
      let x = Double(random.uniform(i))
      #expect(x >= 0 && x < 1)
      sum += x
      squares += x * x
      lag += (x - 0.5) * (previous - 0.5)
      previous = x
      buckets[Int(x * 16)] += 1
    }
    let deviation = (1.0 / 12 / Double(n)).squareRoot()
    #expect(abs(sum / Double(n) - 0.5) < 5 * deviation)
    #expect(abs(squares / Double(n) - 1.0 / 3) < 5 * (4.0 / 45 / Double(n)).squareRoot())
    #expect(abs(lag / Double(n)) < 5 / 12 / Double(n).squareRoot())
    let expected = Double(n) / 16
    let chiSquare = buckets.reduce(0.0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
    #expect(chiSquare < 50, "15 degrees of freedom")
  }

  @Test func normalNumbersHaveTheirMoments() {
    let random = Random(seed: 8), n = 100_000
    var moments = [Double](repeating: 0, count: 5)
    for i in 0..<n {
      let x = Double(random.normal(i))
      var power = 1.0
      for j in 1...4 {
        power *= x
        moments[j] += power / Double(n)
      }
    }
    let root = Double(n).squareRoot()
    #expect(abs(moments[1]) < 5 / root)
    #expect(abs(moments[2] - 1) < 5 * 2.0.squareRoot() / root)
    #expect(abs(moments[3]) < 5 * 15.0.squareRoot() / root)
    #expect(abs(moments[4] - 3) < 5 * 96.0.squareRoot() / root)
  }

  @Test func integersStayBelowTheirBound() {
    let random = Random(seed: 9)
    var counts = [Int](repeating: 0, count: 7)
    for i in 0..<70_000 { counts[random.integer(i, below: 7)] += 1 }
    #expect(counts.allSatisfy { abs($0 - 10_000) < 500 })
    #expect((0..<100).allSatisfy { random.integer($0, below: 1) == 0 })
    #expect((0..<100).allSatisfy { (0..<Int.max).contains(random.integer($0, below: .max)) })
  }

  @Test func orderAndPlaceDoNotMatter() {
    let random = Random(seed: 10)
    let forward = (0..<50).map(random.normal), backward = (0..<50).reversed().map(random.normal)
    #expect(forward == backward.reversed())
    #expect(Random(seed: 10) == random && Random(seed: 11) != random)
    let keys = Set((0..<1000).map { random.derived($0).key } + (0..<1000).map { random.derived("layer \($0)").key })
    #expect(keys.count == 2000)
    #expect(random.derived(1).derived(2) != random.derived(2).derived(1))
    #expect(random.derived(-1) != random.derived(1))
    // Of one key, the kinds of numbers come from different counters.
    let large = Tensor.normal([30, 30], standardDeviation: 2, random: random)
    #expect(large.scalars == (0..<900).map { random.normal($0) * 2 })
    let even = Tensor.uniform([40], in: -3...5, random: random)
    #expect(even.scalars.allSatisfy { -3...5 ~= $0 } && even.scalars == (0..<40).map { -3 + random.uniform($0) * 8 })
  }

  @Test func theNumbersOfASeedNeverChange() {
    // Computed apart from this library: seeds in published results must go on giving the same models.
    let random = Random(seed: 42)
    #expect(random.key == 0xbdd7_3226_2feb_6e95)
    #expect(random.bits(5) == SIMD4(0x1857_774e, 0x359a_8c84, 0xb741_db21, 0xc89c_50fa))
    #expect(random.derived(3).key == 0x312f_b216_7125_d7b9 && random.derived("layer").key == 0xd1a9_c805_9c28_6e43)
    #expect(random.uniform(0) == 0.6321966648101807 && random.uniform(1) == 0.261820912361145)
    #expect((0..<3).map(random.normal) == [-0.68310678, -0.54883444, -0.39334047])
    #expect(random.integer(9, below: 1000) == 118)
  }
}
