// Command debs installs Debian packages for commands that are missing.
//
//	debs gcc=gcc,libc6-dev redis-server=redis-server
//
// Each argument names a command and, after the equals sign, the packages that bring it. When all commands are on the
// search path nothing happens.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "debs:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	commands, packages, err := missing(args, exec.LookPath)
	if err != nil || len(packages) == 0 {
		return err
	}
	for _, needed := range installers(os.Getuid()) {
		if _, err := exec.LookPath(needed); err != nil {
			return fmt.Errorf("please install %s: there is no %s here to do it", strings.Join(commands, ", "), needed)
		}
	}
	if err := apt("update"); err != nil {
		return err
	}
	return apt(append([]string{"install", "--yes", "--no-install-recommends"}, packages...)...)
}

// missing returns the commands of args that look does not find, and the packages that bring them.
func missing(args []string, look func(string) (string, error)) (commands, packages []string, err error) {
	for _, arg := range args {
		command, list, ok := strings.Cut(arg, "=")
		if !ok || command == "" || list == "" {
			return nil, nil, fmt.Errorf("%q is not of the form COMMAND=PACKAGE[,PACKAGE]", arg)
		}
		if _, err := look(command); err != nil {
			commands = append(commands, command)
			packages = append(packages, strings.Split(list, ",")...)
		}
	}
	return commands, packages, nil
}

// installers are the programs that install packages for a user, each through the next.
func installers(uid int) []string {
	if uid != 0 {
		return []string{"sudo", "apt-get"}
	}
	return []string{"apt-get"}
}

// apt runs apt-get, through sudo where the user may not install packages.
func apt(args ...string) error {
	all := append(installers(os.Getuid()), args...)
	name, full := all[0], all[1:]
	cmd := exec.Command(name, full...) //nolint:noctx // ends with apt-get; an interrupt reaches both
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", name, strings.Join(full, " "), err)
	}
	return nil
}
