// The standard library's functions of these names are silent in optimised builds. What a caller did wrong, with its
// shapes, is worth saying there too; these hide them, in this room and in those that import it.

/// Stops the program with `message`, in every build, unless `condition` holds: a mistake of the calling program.
package func precondition(
  _ condition: @autoclosure () -> Bool, _ message: @autoclosure () -> String, file: StaticString = #fileID,
  line: UInt = #line
) {
  if !condition() { fatalError(message(), file: file, line: line) }
}

/// Stops the program with `message`, in every build: a mistake of the calling program.
package func preconditionFailure(
  _ message: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line
) -> Never {
  fatalError(message(), file: file, line: line)
}
