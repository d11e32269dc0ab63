import Kernels
import Testing

private let tileTables = tables.filter { $0.matmul.tiles != nil }

/// The kernels for tile registers, where the processor has them and the process may use them.
@Suite(.enabled(if: !tileTables.isEmpty, "no tile registers here"))
struct TileTests {

  /// Every layout and format, blocks of every kind of edge, against Double.
  @Test func productsOfBlocks() throws {
    for table in tileTables {
      let tiles = try #require(table.matmul.tiles)
      var worst = 0.0
      for (rows, columns, depth) in [
        (1, 1, 1), (16, 16, 32), (17, 33, 2), (31, 15, 31), (32, 32, 32), (32, 64, 33), (5, 70, 64), (32, 96, 100),
        (16, 17, 257), (32, 31, 1024), (70, 33, 40), (96, 64, 64),
      ] {
        for format in StorageFormat.allCases {
          for leftLayout in [MatrixLayout.rowMajor, .columnMajor] {
            for rightLayout in MatrixLayout.allCases {
              let block = TileBlock(rows, columns, depth, format, leftLayout, rightLayout, table)
              for accumulating in [false, true] {
                worst = max(worst, block.worstError(tiles, accumulating: accumulating))
              }
            }
          }
        }
      }
      print("tiles, \(table.name): worst error / bound of 2 sqrt(k) 2^-24 sum |a||b| = \(worst)")
      #expect(worst <= 1)
    }
  }

  /// The largest magnitude is said, wherever it stands.
  @Test func theLargestMagnitudeIsFound() throws {
    for table in tileTables {
      let tiles = try #require(table.matmul.tiles)
      var target = [UInt8](repeating: 0, count: TileKernels.stripBytes(depth: 50))
      for value in [Float.infinity, -.infinity, .nan, Float(bitPattern: 0xffff_ffff), -3.38e38, 1.5] {
        for place in [0, 1, 17 * 50, 17 * 50 + 49, 30 * 50 + 48] {
          var source = [Float](repeating: 1, count: 31 * 50)
          source[place] = value
          // 31 lines of 50 depths, one way or the other.
          let found = [
            tiles.packLeft(.rowMajor, source, 50, 31, 50, &target),
            tiles.packLeft(.columnMajor, source, 31, 31, 50, &target),
            tiles.packRight(.float32, .rowMajor, source, 0, 31, 31, 50, &target),
            tiles.packRight(.float32, .columnMajor, source, 0, 50, 31, 50, &target),
          ]
          for magnitude in found {
            #expect(value.isNaN ? magnitude.isNaN : magnitude == abs(value), "\(value) at \(place): \(magnitude)")
          }
        }
      }
    }
    #expect(TileKernels.canMultiply(1e4, 1e30) && TileKernels.canMultiply(0, 1e38))
    for (left, right) in [(1e20, 1e20), (1e38, 1), (.infinity, 0), (0, .nan), (.nan, 1)] as [(Float, Float)] {
      #expect(!TileKernels.canMultiply(left, right) && !TileKernels.canMultiply(right, left), "\(left) \(right)")
    }
  }

  /// The softmax that packs has the bits of the one that does not, and packs what `packLeft` makes of its result.
  @Test func attendedRowsArePacked() throws {
    var numbers = Numbers(15)
    for table in tileTables {
      let tiles = try #require(table.matmul.tiles)
      for (rows, present) in [(1, 1), (5, 31), (32, 32), (17, 33), (32, 64), (31, 100), (32, 384)] {
        let stride = (present + 31) / 32 * 32, width = 3
        var seen = (0..<rows).map { Int32(present - $0 * 7 % present) }
        if rows > 4 { seen[4] = 0 }
        var (largest, total) = ([Float](repeating: -.infinity, count: rows), [Float](repeating: 0, count: rows))
        var sums = [Float](repeating: 1, count: rows * width)
        var (packedLargest, packedTotal, packedSums) = (largest, total, sums)
        // What a row does not see may be anything.
        for round in 0..<2 {
          let before = (0..<rows * stride).map { index in
            index % stride < seen[index / stride] ? numbers.array(1, 20)[0] : .nan
          }
          var (scores, packedScores) = (before, before)
          if round == 1 && rows > 2 { (scores[2 * stride], packedScores[2 * stride]) = (.nan, .nan) }
          // A row that sees keys, but none that count: in both rounds, and in the second alone.
          for row in round == 0 ? [3] : [3, 5] where row < rows {
            for j in 0..<Int(seen[row]) {
              scores[row * stride + j] = -.infinity
              packedScores[row * stride + j] = -.infinity
            }
          }
          table.attendRows(&scores, stride, rows, seen, present, 0.4, &largest, &total, &sums, width)
          var strip = [UInt8](repeating: 0xff, count: TileKernels.stripBytes(depth: present))
          let magnitude = tiles.attendRows(
            &packedScores, stride, rows, seen, present, 0.4, &packedLargest, &packedTotal, &packedSums, width, &strip)
          for row in 0..<rows {
            let line = row * stride..<row * stride + present
            #expect(packedScores[line].map(\.bitPattern) == scores[line].map(\.bitPattern), "\(rows) \(present) \(row)")
            #expect(packedScores[line.upperBound..<(row + 1) * stride].allSatisfy { $0 == 0 })
          }
          #expect(packedLargest.map(\.bitPattern) == largest.map(\.bitPattern), "\(rows) \(present)")
          #expect(packedTotal.map(\.bitPattern) == total.map(\.bitPattern), "\(rows) \(present)")
          #expect(packedSums.map(\.bitPattern) == sums.map(\.bitPattern), "\(rows) \(present)")
          var expected = [UInt8](repeating: 0xff, count: strip.count)
          let found = tiles.packLeft(.rowMajor, scores, stride, rows, present, &expected)
          #expect(found.isNaN ? magnitude.isNaN : found <= magnitude, "\(rows) \(present): \(found), \(magnitude)")
          for (index, bytes) in zip(strip, expected).enumerated() where index / 64 % 32 < rows && bytes.0 != bytes.1 {
            Issue.record("\(rows) \(present): byte \(index) of the strip")
            break
          }
        }
      }
    }
  }
}

/// A product of one strip by some panels.
private struct TileBlock {
  let (rows, columns, depth): (Int, Int, Int)
  let format: StorageFormat
  let (leftLayout, rightLayout): (MatrixLayout, MatrixLayout)
  let table: KernelTable
  /// `[rows, depth]` and `[depth, columns]`.
  let (left, right): ([Float], [Float])

  init(
    _ rows: Int, _ columns: Int, _ depth: Int, _ format: StorageFormat, _ leftLayout: MatrixLayout,
    _ rightLayout: MatrixLayout, _ table: KernelTable
  ) {
    (self.rows, self.columns, self.depth, self.format) = (rows, columns, depth, format)
    (self.leftLayout, self.rightLayout, self.table) = (leftLayout, rightLayout, table)
    var numbers = Numbers(UInt64(rows * 1000 + columns * 10 + depth))
    left = numbers.array(rows * depth)
    // As the format holds them.
    let values = numbers.array(depth * columns)
    var kept = [UInt8](repeating: 0, count: 4 * values.count)
    var widened = [Float](repeating: 0, count: values.count)
    table.narrow(format, values, &kept, values.count)
    table.widen(format, kept, &widened, values.count)
    right = widened
  }

  /// The values of the right matrix in its layout, with something beyond each line, and the stride.
  private func laidOut() -> (values: [Float], stride: Int) {
    switch rightLayout {
    case .rowMajor:
      let stride = columns + 3
      return (
        (0..<depth * stride).map { $0 % stride < columns ? right[$0 / stride * columns + $0 % stride] : 9 }, stride
      )
    case .columnMajor:
      let stride = depth + 3
      return (
        (0..<columns * stride).map { $0 % stride < depth ? right[$0 % stride * columns + $0 / stride] : 9 }, stride
      )
    case .panels:
      let stride = 16 * depth, panels = (columns + 15) / 16
      let values = (0..<panels * stride).map { index in
        let (panel, place) = index.quotientAndRemainder(dividingBy: stride)
        let column = panel * 16 + place % 16
        return column < columns ? right[place / 16 * columns + column] : 0
      }
      return (values, stride)
    }
  }

  /// In units of the bound, infinity where something was written beyond the block.
  func worstError(_ tiles: TileKernels, accumulating: Bool) -> Double {
    let leftStride = (leftLayout == .rowMajor ? depth : rows) + 2
    let leftLines = leftLayout == .rowMajor ? rows : depth
    let leftValues = (0..<leftLines * leftStride).map { index in
      let (line, place) = index.quotientAndRemainder(dividingBy: leftStride)
      guard place < leftStride - 2 else { return Float(7) }
      return leftLayout == .rowMajor ? left[line * depth + place] : left[place * depth + line]
    }
    let stripBytes = TileKernels.stripBytes(depth: depth)
    var strips: [UInt8] = []
    for row in Swift.stride(from: 0, to: rows, by: TileKernels.side) {
      var strip = [UInt8](repeating: 0xff, count: stripBytes)
      let from = Array(leftValues[(leftLayout == .rowMajor ? row * leftStride : row)...])
      let count = min(TileKernels.side, rows - row)
      guard tiles.packLeft(leftLayout, from, leftStride, count, depth, &strip) <= 1 else { return .infinity }
      strips += strip
    }

    let (values, stride) = laidOut()
    var kept = [UInt8](repeating: 0, count: format.byteCount(of: values.count))
    table.narrow(format, values, &kept, values.count)
    let panelBytes = TileKernels.panelBytes(depth: depth, format)
    var panels: [UInt8] = []
    for column in Swift.stride(from: 0, to: columns, by: TileKernels.side) {
      var panel = [UInt8](repeating: 0xff, count: panelBytes)
      let start =
        switch rightLayout {
        case .rowMajor: column
        case .columnMajor: column * stride
        case .panels: column / 16 * stride
        }
      let count = min(TileKernels.side, columns - column)
      guard tiles.packRight(format, rightLayout, kept, start, stride, count, depth, &panel) <= 1 else {
        return .infinity
      }
      panels += panel
    }

    let cStride = columns + 5, before: Float = 0.5
    var c = [Float](repeating: before, count: (rows + 1) * cStride)
    tiles.multiply(
      strips, stripBytes, rows, panels, panelBytes, format, columns, depth, &c, cStride, accumulating, strips,
      stripBytes)
    var worst = 0.0
    for (index, found) in c.enumerated() {
      let (row, column) = index.quotientAndRemainder(dividingBy: cStride)
      guard row < rows, column < columns else {
        if found != before { return .infinity }
        continue
      }
      var (sum, magnitude) = accumulating ? (Double(before), Double(before)) : (0, 0)
      for p in 0..<depth {
        let product = Double(left[row * depth + p]) * Double(right[p * columns + column])
        sum += product
        magnitude += abs(product)
      }
      let error = abs(Double(found) - sum)
      if error.isNaN { return .infinity }
      if error > 0 { worst = max(worst, error / (2 * Double(depth + 1).squareRoot() * 0x1p-24 * magnitude)) }
    }
    return worst
  }
}
