import Formats

/// Tokens by their bytes, for looking up all that a text starts with.
struct ByteTrie: Sendable {
  typealias Node = UInt32

  static let root: Node = 0

  private var children: PairTable
  private var ids: [Int32] = [-1]

  /// An empty trie.
  ///
  /// - Parameter expectedCount: About how many bytes all tokens have that they do not share at their start.
  init(expectedCount: Int) {
    children = PairTable(minimumCapacity: expectedCount)
    ids.reserveCapacity(expectedCount)
  }

  /// Adds a token; a later one takes the place of an equal one.
  mutating func add(_ token: some Sequence<UInt8>, id: Int32) {
    var node = Self.root
    for byte in token {
      if let child = children.insert(Node(truncatingIfNeeded: ids.count), for: node, UInt32(byte)) {
        node = child
      } else {
        node = Node(truncatingIfNeeded: ids.count)
        ids.append(-1)
      }
    }
    ids[Int(node)] = id
  }

  /// Refuses tokens that have so many bytes that they do not share with others at their start that the trie would take
  /// many times their memory. Known vocabularies have about 4 for a token.
  func checkSize(tokenCount: Int) throws(InputError) {
    guard ids.count <= 8 * tokenCount + 1 << 18 else {
      throw InputError(
        .tooLarge, "The tokens are too long: the first \(tokenCount) have \(ids.count) different beginnings")
    }
  }

  /// The node below another for a byte; nil if no token goes on so.
  @inline(__always)
  func child(of node: Node, _ byte: UInt8) -> Node? {
    let child = children.value(for: node, UInt32(byte))
    return child == PairTable.none ? nil : child
  }

  /// The token that ends at a node, or a negative number.
  @inline(__always)
  func id(at node: Node) -> Int32 { ids[Int(node)] }

  /// The node of some bytes; nil if no token starts with them.
  func node(of bytes: some Sequence<UInt8>) -> Node? {
    var node = Self.root
    for byte in bytes {
      guard let child = child(of: node, byte) else { return nil }
      node = child
    }
    return node
  }
}
