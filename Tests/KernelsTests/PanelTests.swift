import Kernels
import Testing

@Suite struct PanelTests {
  /// Panels follow one another without gaps; none is wider than the packed one, and a single vector stands alone only
  /// where there is no other.
  @Test func panelsCoverTheColumns() {
    for table in tables {
      let blocks = table.matmul, vector = blocks.vectorWidth
      for columns in 0...20 * vector + 1 {
        var next = 0
        let count = blocks.panelCount(of: columns)
        for index in 0..<count {
          let panel = blocks.panel(index, of: columns)
          #expect(panel.lowerBound == next && !panel.isEmpty && panel.count <= blocks.panelWidth)
          #expect(panel.lowerBound % vector == 0)
          #expect(count == 1 || panel.count > vector, "\(table.name), panel \(index) of \(columns) columns")
          next = panel.upperBound
        }
        #expect(next == columns)
      }
    }
  }

  /// Strips of either layout: for each depth the rows of the strip, side by side.
  @Test func stripsHoldTheRows() {
    for table in tables {
      let blocks = table.matmul, tileRows = blocks.tileRows
      for (rows, depth) in [(1, 1), (3, 9), (8, 8), (16, 17), (31, 8), (65, 40)] {
        let strips = (rows + tileRows - 1) / tileRows
        for layout in [MatrixLayout.rowMajor, .columnMajor] {
          let stride = (layout == .rowMajor ? depth : rows) + 3
          let lines = layout == .rowMajor ? rows : depth
          let source = (0..<lines * stride).map { Float($0) }
          let guards = 16  // that nothing is written beyond the strips
          var packed = [Float](repeating: -1, count: strips * tileRows * depth + guards)
          packed.withUnsafeMutableBufferPointer { target in
            source.withUnsafeBufferPointer { source in
              guard let source = source.baseAddress, let target = target.baseAddress else { return }
              blocks.packLeft(layout, source, stride, rows, depth, target)
            }
          }
          var wrong = 0
          for row in 0..<rows {
            for p in 0..<depth {
              let at = row / tileRows * tileRows * depth + p * tileRows + row % tileRows
              let value = source[layout == .rowMajor ? row * stride + p : p * stride + row]
              if packed[at] != value { wrong += 1 }
            }
          }
          #expect(wrong == 0, "\(table.name), \(layout), \(rows) rows of depth \(depth)")
          let beyond = packed.suffix(guards).allSatisfy { $0 == -1 }
          #expect(beyond && packed.count { $0 == -1 } == packed.count - rows * depth, "\(table.name), \(layout)")
        }
      }
    }
  }
}
