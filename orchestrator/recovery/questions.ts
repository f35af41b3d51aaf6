/** What a person has to decide: the question, and a command for each answer. */
export interface Question {
  readonly question: string;
  readonly answers: readonly { readonly means: string; readonly command: string }[];
}
