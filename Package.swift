// swift-tools-version: 6.2
import PackageDescription

// The architecture, from the ground up: a room, and the rooms it may look into.
let rooms: [(name: String, needs: [String])] = [
  ("Formats", []),
  ("Kernels", []),
  ("Tensor", ["Formats", "Kernels"]),
  ("Layers", ["Tensor"]),
  ("Gradients", ["Layers", "Tensor"]),
  ("Attention", ["Layers", "Tensor"]),
  ("Checkpoints", ["Formats", "Layers", "Tensor"]),
  ("Tokenizers", ["Formats"]),
  ("Models", ["Attention", "Checkpoints", "Formats", "Layers", "Tensor"]),
  ("Generation", ["Attention", "Formats", "Layers", "Models", "Tensor", "Tokenizers"]),
  ("Training", ["Checkpoints", "Formats", "Gradients", "Layers", "Models", "Tensor", "Tokenizers"]),
  ("Interpretation", ["Attention", "Formats", "Layers", "Models", "Tensor", "Tokenizers"]),
]

let language: [SwiftSetting] = [
  .enableUpcomingFeature("MemberImportVisibility"), .enableUpcomingFeature("ExistentialAny"),
]

// The kernels are optimised in debug builds too, so that tests run the code that users run. Each
// instruction set is the same source, instantiated in a target of its own under that set's flags.
func kernelSettings(_ flags: [String] = []) -> [SwiftSetting] {
  language + [.unsafeFlags(["-O"] + flags.flatMap { ["-Xcc", $0] })]
}
#if arch(x86_64)
  let instructionSets: [(name: String, flags: [String])] = [
    ("KernelsAVX2", ["-march=x86-64-v3"]),
    ("KernelsAVX512", ["-march=x86-64-v4", "-mprefer-vector-width=512"]),
  ]
#else
  let instructionSets: [(name: String, flags: [String])] = []
#endif

let package = Package(
  name: "swift-attention",
  platforms: [.macOS(.v15)],
  products: rooms.map { .library(name: $0.name, targets: [$0.name]) },
  targets: rooms.map { room in
    let extra = room.name == "Tensor" ? instructionSets.map(\.name) : []
    return .target(
      name: room.name, dependencies: (room.needs + extra).map { .init(stringLiteral: $0) },
      swiftSettings: room.name == "Kernels" ? kernelSettings() : language)
  }
    + instructionSets.map {
      .target(name: $0.name, dependencies: ["Kernels"], swiftSettings: kernelSettings($0.flags))
    }
    + [
      .testTarget(
        name: "KernelsTests",
        dependencies: (["Kernels"] + instructionSets.map(\.name)).map { .init(stringLiteral: $0) },
        swiftSettings: language)
    ],
  swiftLanguageModes: [.v6]
)
