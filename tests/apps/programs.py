"""Starting a program and reading what it says while it runs."""
import collections
import subprocess
import threading
import time


class Program:
    def __init__(self, *command, env=None):
        self.process = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", env=env)
        self.said = collections.deque()
        self.all = []
        self.threads = [threading.Thread(target=self._read, args=(pipe,), daemon=True) for pipe in (self.process.stdout, self.process.stderr)]
        for thread in self.threads:
            thread.start()

    def _read(self, pipe):
        for line in pipe:
            self.all.append(line.rstrip("\n"))
            self.said.append(line.rstrip("\n"))

    def wait_for(self, *words, seconds=20):
        """The next line that has all words in it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            while self.said:
                line = self.said.popleft()
                if all(word in line for word in words):
                    return line
            if self.process.poll() is not None and not any(t.is_alive() for t in self.threads):
                break
            time.sleep(0.02)
        raise AssertionError(f"not a line with {words} in {seconds} s; exit {self.process.poll()}, and it said: {self.all}")

    def wait_for_each(self, *words, seconds=20):
        """A line for each of the words, in any order."""
        missing, end = set(words), time.monotonic() + seconds
        while missing:
            line = self.wait_for("", seconds=max(0.1, end - time.monotonic()))
            missing -= {word for word in missing if word in line}

    def signal(self, number):
        self.process.send_signal(number)

    def end(self, seconds=10):
        """Its exit status; it has to end by itself."""
        try:
            return self.process.wait(seconds)
        finally:
            self.kill()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for thread in self.threads:
            thread.join(5)
