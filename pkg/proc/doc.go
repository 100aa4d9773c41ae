// Package proc has what a process does to itself.
package proc
