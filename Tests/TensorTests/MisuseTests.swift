import Tensor
import Testing

/// What the calling program does wrong stops it, and says the operation and the shapes.
@Suite struct MisuseTests {
  @Test func productsThatDoNotFit() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = matmul(.zeros([2, 3]), .zeros([4, 5]))
    }
    #expect(text(result).contains("matmul: shapes [2, 3] and [4, 5] do not fit"))
  }

  @Test func batchesThatDoNotFit() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = matmul(.zeros([2, 3, 4]), .zeros([3, 5, 4]), transposingRight: true)
    }
    #expect(text(result).contains("matmul: shapes [2, 3, 4] and [3, 5, 4] transposed do not fit"))
  }

  @Test func linearThatDoesNotFit() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = linear(.zeros([2, 3]), .zeros([3, 4]), bias: .zeros([5]))
    }
    #expect(text(result).contains("linear: x [2, 3], weight [3, 4], bias [5] do not fit"))
  }

  @Test func shapesThatDoNotBroadcast() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([2, 3]) + Tensor.zeros([2, 2])
    }
    #expect(text(result).contains("+: shapes [2, 3] and [2, 2] do not broadcast"))
  }

  @Test func parametersThatAreNotLoaded() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.placeholder([2, 3]) + 1
    }
    #expect(text(result).contains("a parameter of the shape [2, 3] is used before it was loaded"))
  }

  @Test func idsOutsideTheTable() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([5, 2]).rows(at: [0, 5])
    }
    #expect(text(result).contains("ids from 0 to 5 in a table [5, 2]"))
  }

  @Test func rowsAddedToAnotherFormatOrShape() async {
    let format = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var table = Tensor.zeros([5, 2]).kept(as: .bfloat16)
      table.addRows(.ones([1, 2]), at: [0])
    }
    #expect(text(format).contains("addRows: rows [1, 2] as float32 at 1 ids of a table [5, 2] as bfloat16"))
    let ids = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var table = Tensor.zeros([5, 2])
      table.addRows(.ones([1, 2]), at: [5])
    }
    #expect(text(ids).contains("addRows: ids from 5 to 5 in a table [5, 2]"))
  }

  @Test func attentionOfNoHeadsOrKeys() async {
    let heads = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = scaledDotProductAttention(packed: .zeros([1, 2, 12]), headCount: 2, keyValueHeadCount: 0)
    }
    #expect(text(heads).contains("a projection [1, 2, 12] for 2 heads and 0 key-value heads"))
    let keys = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let x = Tensor.zeros([1, 2, 2, 4])
      _ = scaledDotProductAttention(query: x, key: x, value: x, keyCount: -1)
    }
    #expect(text(keys).contains("key [1, 2, 2, 4], value [1, 2, 2, 4], -1 keys"))
  }

  @Test func slicesOutsideTheAxis() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([5, 2]).slice(3..<6, axis: 0)
    }
    #expect(text(result).contains("slice: 3..<6 of axis 0 of [5, 2]"))
  }

  @Test func targetsOutsideTheClasses() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([2, 3]).crossEntropy(targets: [1, 3])
    }
    #expect(text(result).contains("crossEntropy: logits [2, 3] and 2 targets up to 3"))
  }

  @Test func shapesTooLargeToCount() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([1 << 30, 1 << 30, 1 << 30])
    }
    #expect(text(result).contains("more elements than an Int can count"))
  }
}
