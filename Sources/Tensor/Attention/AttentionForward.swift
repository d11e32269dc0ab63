import Foundation
import Kernels

/// Scaled dot-product attention with an online softmax (Milakov and Gimelshein 2018; Dao et al. 2022): a task is one
/// head and one block of queries, which meets the keys in blocks. The score matrix never exists as a whole.
///
/// Key blocks begin at fixed positions, so a query's bits depend neither on the queries beside it nor on (finite) keys
/// that it may not see; but queries in tile registers, 128 or more, have bits of their own, as have those of them whose
/// products with 32 keys may come close to infinity.
struct AttentionForwardWork: ScratchWork {
  let geometry: AttentionGeometry
  let query: Source
  let key: Source
  let value: Source
  let bias: Source?
  let output: Target
  let logSumExp: Target
  let blocks: MatmulKernels

  /// Queries of a task.
  let queriesPerBlock: Int
  /// Long blocks pack the keys less often; short ones make enough tasks for the threads.
  static func queriesPerBlock(_ g: AttentionGeometry, _ blocks: MatmulKernels, threads: Int) -> Int {
    func suffice(_ size: Int) -> Bool {
      g.batch * g.headCount * ((g.queryCount + size - 1) / size) >= 4 * threads
    }
    // In tiles the scores of a strip exist at once, with vectors those of all queries.
    if blocks.tiles != nil && g.paysInTiles && suffice(1024) { return 1024 }
    return suffice(512) ? 512 : 256
  }
  var keysPerBlock: Int { AttentionForwardWork.keysPerBlock(blocks) }
  static func keysPerBlock(_ blocks: MatmulKernels) -> Int { 8 * blocks.panelWidth }
  var queryBlocks: Int {
    (geometry.queryCount + queriesPerBlock - 1) / queriesPerBlock
  }
  var tasks: Int { geometry.batch * geometry.headCount * queryBlocks }

  var scratchCount: Int {
    var scratch = ScratchMemory.counting
    let head = head(0, 0, firstQuery: 0)
    _ = OnlineSoftmax(queriesAtMost, width: geometry.headWidth, &scratch)
    switch kind {
    case .row: _ = RowAttention(head, blocks, &scratch)
    case .tiled(let tiles): _ = TiledAttention(head, tiles, blocks, queries: queriesAtMost, &scratch)
    case .vector: _ = VectorAttention(head, blocks, queries: queriesAtMost, &scratch)
    }
    return scratch.count
  }

  private var queriesAtMost: Int { min(queriesPerBlock, geometry.queryCount) }

  private enum Kind {
    case row, vector
    case tiled(TileKernels)
  }

  /// How queries meet keys.
  private var kind: Kind {
    if geometry.queryCount == 1 { return .row }
    if let tiles = blocks.tiles, geometry.paysInTiles { return .tiled(tiles) }
    return .vector
  }

  func run(task: Int, _ scratch: inout ScratchMemory) {
    let g = geometry
    let (headOfRow, block) = task.quotientAndRemainder(dividingBy: queryBlocks)
    let (row, h) = headOfRow.quotientAndRemainder(dividingBy: g.headCount)
    let first = block * queriesPerBlock, queries = first..<min(first + queriesPerBlock, g.queryCount)
    let head = head(row, h, firstQuery: first)
    let softmax = OnlineSoftmax(queriesAtMost, width: g.headWidth, &scratch)
    softmax.begin(queries.count)
    switch kind {
    case .row:
      attend(row, h, queries, softmax, RowAttention(head, blocks, &scratch))
    case .tiled(let tiles):
      attend(row, h, queries, softmax, TiledAttention(head, tiles, blocks, queries: queriesAtMost, &scratch))
    case .vector:
      attend(row, h, queries, softmax, VectorAttention(head, blocks, queries: queriesAtMost, &scratch))
    }
    let width = g.headCount * g.headWidth
    for i in 0..<queries.count {
      logSumExp[(row * g.headCount + h) * g.queryCount + first + i] = softmax.finish(
        i, output + (row * g.queryCount + first + i) * width + h * g.headWidth)
    }
  }

  private func head(_ row: Int, _ h: Int, firstQuery: Int) -> AttentionHead {
    let g = geometry
    return AttentionHead(
      geometry: g, query: query + g.query.start(row: row, head: h) + firstQuery * g.query.rowStride,
      key: key + g.key.start(row: row, head: h / g.groupSize),
      value: value + g.value.start(row: row, head: h / g.groupSize))
  }

  /// Brings all keys that the queries of one head see into the sums of values.
  private func attend(
    _ row: Int, _ h: Int, _ queries: Range<Int>, _ softmax: OnlineSoftmax, _ products: some AttentionProducts
  ) {
    let g = geometry, keys = keysPerBlock, first = queries.lowerBound
    products.pack(queries: queries.count)
    let end = g.keyLimit(query: queries.upperBound - 1, row: row)
    // Blocks of keys before the first query's window, and before the row's first key, are left out.
    for from in stride(from: g.firstKey(query: first, row: row) / keys * keys, to: end, by: keys) {
      let block = KeyBlock(geometry: g, row: row, keys: from..<min(end, from + keys))
      products.pack(block)
      // The queries before `start` see none of these keys.
      let start = max(0, g.firstSeeing(key: from) - first) / products.queryUnit * products.queryUnit
      for i in stride(from: start, to: queries.count, by: products.queriesAtOnce) {
        let group = i..<min(queries.count, i + products.queriesAtOnce)
        let visible = min(block.keys.count, g.keyLimit(query: first + group.upperBound - 1, row: row) - from)
        if visible <= 0 { continue }
        products.score(group, block, visible: visible)
        mask(h, first, group, block, visible, softmax, products.scores)
        // Biased scores are scaled before.
        products.attend(group, visible: visible, scale: bias == nil ? g.scale : 1, softmax)
        products.addValues(group, block, visible: visible, softmax.sums)
      }
    }
  }

  /// Adds the bias to the scores of queries `first + group`, hides what they may not see, and counts what they do, of the
  /// first `visible` keys of a block.
  private func mask(
    _ h: Int, _ first: Int, _ group: Range<Int>, _ block: KeyBlock, _ visible: Int, _ softmax: OnlineSoftmax,
    _ scores: Target
  ) {
    let g = geometry, row = block.row, from = block.first, stride = keysPerBlock
    for (index, i) in group.enumerated() {
      let s = scores + index * stride
      let seen = min(visible, max(0, g.keyLimit(query: first + i, row: row) - from))
      if let bias {
        addBias(bias + g.biasStart(head: h, query: first + i, firstKey: from), to: s, seen, scale: g.scale)
      }
      let hidden = g.hidden(query: first + i, row: row, from: from, seen: seen)
      s.update(repeating: -.infinity, count: hidden)
      g.maskPadding(s, row: row, firstKey: from, count: seen)
      softmax.seen[index] = hidden == seen ? 0 : Int32(seen)
    }
  }
}

/// Scores become scaled and biased: `scale * scores + bias`.
func addBias(_ bias: Source, to scores: Target, _ count: Int, scale: Float) {
  if scale != 1 { kernels.binaryScalar(.multiply, scores, scale, scores, count) }
  kernels.binary(.add, scores, bias, scores, count)
}

/// The state of the softmax of some queries between blocks of keys: what each has seen.
struct OnlineSoftmax {
  /// Sums of values, `width` for each query, their exponentials' sum, and the largest score.
  let sums: Target
  private let total: Target
  private let largest: Target
  private let width: Int
  /// How many keys of a block each of some queries sees.
  let seen: UnsafeMutablePointer<Int32>

  init(_ queries: Int, width: Int, _ scratch: inout ScratchMemory) {
    self.width = width
    seen = UnsafeMutableRawPointer(scratch.take(queries)).bindMemory(to: Int32.self, capacity: queries)
    (sums, total, largest) = (scratch.take(queries * width), scratch.take(queries), scratch.take(queries))
  }

  /// Nothing seen yet.
  func begin(_ queries: Int) {
    sums.update(repeating: 0, count: queries * width)
    total.update(repeating: 0, count: queries)
    largest.update(repeating: -.infinity, count: queries)
  }

  /// As `KernelTable.attendRows`, for the queries `rows`, of which `seen` tells from its first number on.
  func attend(_ rows: Range<Int>, _ scores: Target, _ stride: Int, present: Int, scale: Float) {
    let first = rows.lowerBound
    kernels.attendRows(
      scores, stride, rows.count, seen, present, scale, largest + first, total + first, sums + first * width, width)
  }

  /// The same, which packs the probabilities as a strip too.
  func attend(
    _ rows: Range<Int>, _ scores: Target, _ stride: Int, present: Int, scale: Float, _ tiles: TileKernels,
    _ strip: PackedBlocks
  ) {
    let first = rows.lowerBound
    strip.clear(1)
    let magnitude = tiles.attendRows(
      scores, stride, rows.count, seen, present, scale, largest + first, total + first, sums + first * width, width,
      strip.place)
    strip.raise(0, to: magnitude)
  }

  /// Writes the output of query `i`; zeros where it has seen nothing.
  ///
  /// - Returns: the logarithm of the sum of its exponentials.
  func finish(_ i: Int, _ output: Target) -> Float {
    let factor = total[i] == 0 ? 0 : 1 / total[i]
    kernels.binaryScalar(.multiply, sums + i * width, factor, output, width)
    return largest[i] + log(total[i])
  }
}
