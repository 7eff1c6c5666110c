/** Decides by the options of the channel (`allow`): the authorizer of everybody who wrote no rules. */
import { errors } from '@tidings/protocol';
import type { Action, Actor, Authorizer, Decision, Resource } from './authorizer.ts';

const allowed: Decision = { allow: true };

function denied(because: string): Decision {
  return { allow: false, error: errors.permissionDenied, because };
}

export class OptionsAuthorizer implements Authorizer {
  decide(who: Actor, action: Action, on: Resource): Decision {
    const access = on.options.allow[action];
    switch (access) {
      case 'anyone':
        return allowed;
      case 'authenticated':
        return who.user === '' ? denied(`allow.${action} is for authenticated users`) : allowed;
      case 'subscribers':
        return who.subscribed ? allowed : denied(`allow.${action} is for subscribers of the channel`);
      case 'nobody':
        return denied(`allow.${action} is nobody`);
    }
  }
}
