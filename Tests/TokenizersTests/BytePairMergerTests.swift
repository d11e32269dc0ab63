import Testing

@testable import Tokenizers

@Suite struct BytePairMergerTests {
  private func symbols(_ ids: [Int32]) -> [MergeBuffer.Symbol] { ids.map { MergeBuffer.Symbol(id: $0, length: 1) } }

  @Test func mergesTheBestRankFirstAndThenTheLeftmost() {
    var merger = BytePairMerger(expectedCount: 3)
    let areNew = [
      merger.add(1, 2, into: 10), merger.add(1, 1, into: 11), merger.add(11, 10, into: 12), merger.add(1, 1, into: 13),
    ]
    #expect(areNew == [true, true, true, false])
    var buffer = MergeBuffer()
    buffer.symbols = symbols([1, 1, 1, 2])
    merger.merge(&buffer)
    #expect(buffer.symbols == [MergeBuffer.Symbol(id: 12, length: 4)])
    buffer.symbols = symbols([1, 1, 1])
    merger.merge(&buffer)
    #expect(buffer.symbols == [MergeBuffer.Symbol(id: 11, length: 2), MergeBuffer.Symbol(id: 1, length: 1)])
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
      let word = symbols((0..<count).map { _ in Int32.random(in: 0..<4, using: &random) })
      var (scanned, buffer) = (MergeBuffer(), MergeBuffer())
      scanned.symbols = word
      merger.mergeByScanning(&scanned)
      #expect(scanned.symbols.reduce(0) { $0 + Int($1.length) } == count)
      buffer.symbols = word
      merger.mergeByHeap(&buffer)
      #expect(buffer.symbols == scanned.symbols)
      buffer.symbols = word
      merger.merge(&buffer)
      #expect(buffer.symbols == scanned.symbols)
    }
  }
}
