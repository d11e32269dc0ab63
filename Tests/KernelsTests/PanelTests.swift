import Kernels
import Testing

@Suite struct PanelTests {
  /// Panels follow one another without gaps; none is wider than the packed one, and a single vector stands alone only
  /// where there is no other.
  @Test func panelsCoverTheColumns() {
    for table in tables {
      let blocks = table.matmul, vector = blocks.panelWidth / 3
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
}
