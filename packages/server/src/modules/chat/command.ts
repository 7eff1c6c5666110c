/** How a command of chat is written down: name, schemas of what goes in and out, an example, and what it does. */
import type { z } from 'zod';
import type { ModuleActor, ModuleCommand } from '../module.ts';
import type { Chat } from './chat.ts';
import { actingUser } from './acting-user.ts';
import { asChatError } from './chat-error.ts';

/** The same, with arrays that may not be changed: what goes out is only read. */
type Immutable<T> = T extends readonly (infer Item)[]
  ? readonly Immutable<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: Immutable<T[Key]> }
    : T;

interface Definition<Input extends z.ZodType, Output extends z.ZodType> {
  readonly name: string;
  readonly summary: string;
  readonly input: Input;
  readonly output: Output;
  readonly example: z.input<Input>;
  /** What `input` would make of input of the usual kind, for less; undefined for any other. */
  readonly readUsual?: (input: unknown) => z.output<Input> | undefined;
  /**
   * Clients without a user may ask too. Everything else is of somebody: an empty id in a row is the back end's, and must
   * not become theirs.
   */
  readonly anonymous?: true;
  run(chat: Chat, actor: ModuleActor, input: z.output<Input>): Promise<Immutable<z.input<Output>>>;
}

/** A command that still has to be given the chat it works on. */
export type ChatCommand = (chat: Chat) => ModuleCommand;

/** Checks that input, output and `run` fit each other, then forgets their types: the table is used as a whole. */
export function command<Input extends z.ZodType, Output extends z.ZodType>(
  definition: Definition<Input, Output>,
): ChatCommand {
  return (chat) => ({
    name: definition.name,
    summary: definition.summary,
    input: definition.input,
    output: definition.output,
    example: definition.example,
    readUsual: definition.readUsual,
    run(actor, input) {
      try {
        if (!actor.system && !(definition.anonymous && actor.user === '')) actingUser(actor);
        return definition.run(chat, actor, input as z.output<Input>).catch(throwAsChatError);
      } catch (error) {
        return Promise.reject(asChatError(error));
      }
    },
  });
}

function throwAsChatError(error: unknown): never {
  throw asChatError(error);
}
