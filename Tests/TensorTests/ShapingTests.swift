import Tensor
import Testing

@Suite struct ShapingTests {
  static let shapes: [Shape] = [
    [5], [2, 3], [3, 1, 4], [2, 3, 2, 2], [1, 2, 3, 1, 2, 2], [0, 3], [2, 0, 3], [70, 400],
  ]

  /// Large tensors are filled in pieces, in memory that held something else before.
  @Test func largeFills() {
    for count in [1 << 18, 1 << 18 + 1, 5 << 16 - 1] {
      for value: Float in [0, -0.0, 1.5] {
        do {
          let before = Tensor(repeating: .nan, shape: Shape(count))
          #expect(before.scalars.allSatisfy { $0.isNaN })
        }
        let filled = Tensor(repeating: value, shape: Shape(count))
        #expect(filled.scalars.allSatisfy { $0.bitPattern == value.bitPattern }, "\(count) \(value)")
      }
    }
  }

  @Test(arguments: shapes) func slices(_ shape: Shape) {
    let x = fineTensor(shape, seed: 1), scalars = x.scalars
    for axis in 0..<shape.rank {
      let size = shape[axis]
      for range in [0..<size, 0..<size / 2, size / 2..<size, 0..<0, size..<size] {
        let part = x.slice(range, axis: axis)
        let inner = shape.array[(axis + 1)...].reduce(1, *), outer = shape.array[..<axis].reduce(1, *)
        var expected: [Float] = []
        for o in 0..<outer {
          let start = (o * size + range.lowerBound) * inner
          expected += scalars[start..<start + range.count * inner]
        }
        #expect(part.scalars == expected && part.shape[axis] == range.count && part.rank == shape.rank)
        #expect(sameBits(x.slice(range, axis: axis - shape.rank), part))
      }
      let cut = size / 3
      let joined = Tensor.concatenate([x.slice(0..<cut, axis: axis), x.slice(cut..<size, axis: axis)], axis: axis)
      #expect(sameBits(joined, x))
      // What a slice's gradient is: zero around.
      let placed = x.slice(cut..<size, axis: axis).placed(in: shape, axis: axis, start: cut)
      #expect(sameBits(placed.slice(cut..<size, axis: axis), x.slice(cut..<size, axis: axis)))
      #expect(placed.slice(0..<cut, axis: axis).scalars.allSatisfy { $0 == 0 })
    }
  }

  @Test func permutationsOfThreeAxes() {
    let x = fineTensor([2, 3, 5], seed: 2), scalars = x.scalars
    for axes in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
      let result = x.permuted(axes), found = result.scalars
      #expect(result.shape == Shape(axes.map { x.shape[$0] }))
      for index in indices(x.shape) {
        #expect(found[position(axes.map { index[$0] }, result.shape)] == scalars[position(index, x.shape)])
      }
    }
    #expect(sameBits(x.transposed(), x.permuted([0, 2, 1])))
    let heads = fineTensor([4, 3, 2, 5], seed: 3)
    #expect(sameBits(heads.permuted([0, 2, 1, 3]).permuted([0, 2, 1, 3]), heads))
    #expect(Tensor.zeros([0, 2]).transposed().shape == [2, 0])
  }

  @Test func reshapingKeepsTheOrderAndTheFormat() {
    let x = fineTensor([4, 6], seed: 4).kept(as: .bfloat16)
    let y = x.reshaped(2, 2, 3, 2)
    #expect(y.scalars == x.scalars && y.format == .bfloat16 && y.shape == [2, 2, 3, 2])
    #expect(Tensor([5]).reshaped([]).scalar == 5)
    #expect(sameBits(y.reshaped(4, 6), x))
  }

  @Test func concatenationOfManyAndOfFormats() {
    let parts = (0..<5).map { fineTensor(Shape(2, $0, 3), seed: $0) }
    let whole = Tensor.concatenate(parts, axis: 1)
    #expect(whole.shape == [2, 10, 3])
    var start = 0
    for part in parts {
      #expect(sameBits(whole.slice(start..<start + part.shape[1], axis: 1), part))
      start += part.shape[1]
    }
    let mixed = Tensor.concatenate([Tensor([1, 2]).kept(as: .float16), Tensor([0.1])], axis: -1)
    #expect(mixed.scalars == [1, 2, 0.1] && mixed.format == .float32)
  }

  @Test func writingIntoACache() {
    var cache = Tensor.zeros([2, 5, 3])
    let part = fineTensor([2, 2, 3], seed: 5)
    cache.write(part, at: 2)
    #expect(sameBits(cache.slice(2..<4, axis: 1), part))
    #expect(cache.slice(0..<2, axis: 1).scalars.allSatisfy { $0 == 0 })
    #expect(cache.slice(4..<5, axis: 1).scalars.allSatisfy { $0 == 0 })
  }

  @Test func shapesCountAndCompare() {
    #expect(Shape().rank == 0 && Shape().elementCount == 1 && Shape(2, 0, 3).elementCount == 0)
    #expect(Shape(2, 3) == [2, 3] && Shape([2, 3, 4]) != [2, 3] && Shape(2, 1) != [2])
    #expect("\(Shape(2, 3, 4))" == "[2, 3, 4]" && "\(Shape())" == "[]")
    var shape: Shape = [2, 3]
    shape.append(7)
    #expect(shape[-1] == 7 && shape[0] == 2 && shape[-3] == 2 && shape.array == [2, 3, 7])
    shape[-2] = 9
    #expect(shape == [2, 9, 7] && Set([shape, [2, 9, 7], [2, 9]]).count == 2)
    #expect(Shape(1 << 30, 1 << 30).elementCount == 1 << 60)
  }

  /// Asynchronous functions cannot hold values that lie at multiples of more than 16.
  @Test func valuesFitIntoAsynchronousFunctions() async {
    #expect(MemoryLayout<Shape>.alignment <= 16 && MemoryLayout<Tensor>.alignment <= 16)
    let shapes = await withTaskGroup(of: (Int, Tensor).self) { group in
      for i in 0..<20 { group.addTask { (i, Tensor(repeating: Float(i), shape: Shape(i, 2, 3))) } }
      var found: [Int: Tensor] = [:]
      for await (i, tensor) in group { found[i] = tensor }
      return found
    }
    for i in 0..<20 { #expect(shapes[i]?.shape == [i, 2, 3] && shapes[i]?.sum().scalar == Float(i * i * 6)) }
  }

  @Test func descriptions() {
    #expect("\(Tensor([1, 2.5]))" == "Tensor[2] [1.0, 2.5]")
    #expect("\(Tensor.zeros([20]))".hasSuffix("0.0, ...]"))
    #expect("\(Tensor.placeholder([2, 3]))" == "Tensor[2, 3] (not loaded)")
  }
}
