import Testing

@testable import Tokenizers

@Suite struct BytePairMergerTests {
  @Test func mergesTheBestRankFirstAndThenTheLeftmost() {
    var merger = BytePairMerger(expectedCount: 3)
    let areNew = [
      merger.add(1, 2, into: 10), merger.add(1, 1, into: 11), merger.add(11, 10, into: 12), merger.add(1, 1, into: 13),
    ]
    #expect(areNew == [true, true, true, false])
    var buffer = MergeBuffer()
    buffer.ids = [1, 1, 1, 2]
    merger.merge(&buffer)
    #expect(buffer.ids == [12])
    buffer.ids = [1, 1, 1]
    merger.merge(&buffer)
    #expect(buffer.ids == [11, 1])
  }

  @Test(arguments: [0, 1, 2, 3, 23, 24, 25, 26, 61, 500])
  func heapAndScanAgree(_ count: Int) {
    var random = FixedRandom()
    for _ in 0..<60 {
      var merger = BytePairMerger(expectedCount: 40)
      for result in 4..<44 {
        _ = merger.add(
          .random(in: 0..<Int32(result), using: &random), .random(in: 0..<6, using: &random), into: Int32(result))
      }
      let ids = (0..<count).map { _ in Int32.random(in: 0..<4, using: &random) }
      var (scanned, ranks) = (ids, [UInt32]())
      merger.mergeByScanning(&scanned, &ranks)
      var buffer = MergeBuffer()
      buffer.ids = ids
      merger.mergeByHeap(&buffer)
      #expect(buffer.ids == scanned)
      buffer.ids = ids
      merger.merge(&buffer)
      #expect(buffer.ids == scanned)
    }
  }
}
