// Empty: with it the compiler takes functions without a body, which stock.go links to.
