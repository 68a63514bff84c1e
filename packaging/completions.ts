export async function completions() {
  return { bash: '#\n', zsh: '#compdef mailbridge\n', fish: '#\n' };
}
