// Package oracle runs whole programs for tests: the real JuiceFS, which judges compatibility, our own binary, and the
// MinIO clients.
//
// The programs take the same command line, so a test names the program and the rest is the same:
//
//	func TestMain(m *testing.M) { os.Exit(oracle.Main(m)) }
//
//	func TestSomething(t *testing.T) {
//		v := oracle.Format(t, oracle.Real(t), oracle.FormatOptions{})
//		g := oracle.Start(t, oracle.Ours(t), v, oracle.GatewayOptions{Flags: []string{"--multi-buckets"}})
//		s3 := g.Core(t)
//		…
//		g.Stop(t)
//		oracle.Judge(t, v)
//	}
//
// root.go finds and builds the programs, volume.go and gateway.go run them on a volume, check.go and dump.go ask the real
// client about the volume's state, mc.go runs the MinIO clients.
//
// Programs run with a private home folder and an environment of their own; nothing of the user's is read or written. All
// helpers take the test and end it when the program cannot be run; what a program answers is for the test to judge.
//
// A program is taken from the place that an environment variable names, if it is set: JUICEFS_ORACLE for the real JuiceFS,
// JUICEFS_BIN for ours, JUICEFS_MC and JUICEFS_MC2021 for the clients. Relative paths start at the repository's root.
package oracle
