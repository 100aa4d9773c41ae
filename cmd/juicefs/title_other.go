//go:build !linux

package main

// hideSecrets does nothing where the process title cannot be written: there only the environment keeps a secret.
func hideSecrets(args []string) []string { return args }
