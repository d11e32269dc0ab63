import Models
import Tensor

extension Work {
  /// The hidden states and the pooler's output of random tokens, BERT base.
  static func bertBase(batch: Int, time: Int) -> Work {
    let c = BERT.Configuration(vocabularySize: 30522, positionCount: 512, width: 768, layerCount: 12, headCount: 12)
    let model = BERT(c, seed: 1).packedForInference(), random = Random(seed: 7)
    let tokens = TokenBatch(
      (0..<batch * time).map { Int32(random.integer($0, below: 30000)) }, batch: batch, time: time)
    var work = Work {
      var pass = Pass()
      _ = model(tokens, &pass)
    }
    (work.tokens, work.repeats, work.warmUps) = (batch * time, 5, 1)
    work.flops = blockFlops(batch: batch, time: time, width: c.width, layerCount: c.layerCount)
    return work
  }

  /// The scores of random images by 1000 classes, ViT base with patches of 16 x 16.
  static func vitBase(batch: Int) -> Work {
    var c = ViT.Configuration(
      imageSize: ImageSize(224), patchSize: ImageSize(16), width: 768, layerCount: 12, headCount: 12)
    c.labels = (0..<1000).map { "\($0)" }
    let model = ViT.With<ImageClassificationHead>(c, seed: 1).packedForInference()
    let pixels = Tensor.normal([batch, 3, 224, 224], random: Random(seed: 7))
    var work = Work {
      var pass = Pass()
      _ = model(pixels, &pass)
    }
    (work.repeats, work.warmUps) = (5, 1)
    work.flops =
      blockFlops(batch: batch, time: 197, width: c.width, layerCount: c.layerCount)
      + 2 * batch * 196 * c.width * c.width
    return work
  }

  /// Floating-point operations of an encoder's blocks: the matrices, and attention over all tokens.
  private static func blockFlops(batch: Int, time: Int, width: Int, layerCount: Int) -> Int {
    layerCount * batch * time * (24 * width * width + 4 * time * width)
  }
}
