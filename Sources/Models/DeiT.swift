import Layers
import Tensor

/// DeiT (Touvron et al. 2020) is a ViT with a second token before the patches, which learns what a teacher says. Its heads
/// are ViT's, that of the class token alone, and this one.
///
/// An image's scores by class as both tokens have them, and their mean.
public struct DistilledClassificationHead: ImageHead {
  var classMap: Linear
  var distillationMap: Linear

  /// The scores of both tokens.
  public struct Scores: Sendable {
    /// From the class token: `[batch, labels]`.
    public var byClassToken: Tensor
    /// From the token that learnt from the teacher: `[batch, labels]`.
    public var byDistillationToken: Tensor
    /// Their mean.
    public var mean: Tensor { (byClassToken + byDistillationToken) * 0.5 }
  }

  /// What Hugging Face's class with this head is called, after the family's name.
  public static let className = "ForImageClassificationWithTeacher"
  /// The scores under the names of Hugging Face's outputs.
  public static func named(_ scores: Scores) -> [(name: String, value: Tensor)] {
    [
      ("logits", scores.mean), ("cls_logits", scores.byClassToken), ("distillation_logits", scores.byDistillationToken),
    ]
  }

  /// A head whose parameters `initializer` makes.
  public init(_ c: ViT.Configuration, _ initializer: inout Initializer) {
    precondition(c.family == .deit, "DistilledClassificationHead: a \(c.family) has no second token")
    classMap = Linear(c.width, c.labels.count, bias: true, &initializer)
    distillationMap = Linear(c.width, c.labels.count, bias: true, &initializer)
  }

  /// The scores of an encoder's states.
  public func callAsFunction(_ states: ViT.States) -> Scores {
    Scores(byClassToken: classMap(states.token(0)), byDistillationToken: distillationMap(states.token(1)))
  }

  /// Shows the parameters under the names of the files.
  public mutating func visit(_ visitor: inout some ParameterVisitor) {
    visitor("cls_classifier", &classMap)
    visitor("distillation_classifier", &distillationMap)
  }
}

extension Architecture {
  /// DeiT's classes.
  static let deit: [Architecture] = [
    ViT.Family.deit.bare, ViT.Family.deit.with(ImageClassificationHead.self),
    ViT.Family.deit.with(DistilledClassificationHead.self), ViT.Family.deit.restorer,
  ]
}
